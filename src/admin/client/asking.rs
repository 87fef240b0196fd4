//! Asks a running process: one request over one connection.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::answering::{Answering, Lines};
use crate::access::OperatorToken;
use crate::admin::answer::{Problem, READY};
use crate::config::AdminListen;

/// Asks the process that listens at an address.
#[derive(Clone, Debug)]
pub struct Client {
    listen: AdminListen,
    /// What it shows, where it is asked who it is.
    token: Option<OperatorToken>,
    /// Where else somebody may be found, where nobody answers.
    elsewhere: Option<String>,
}

/// An answer, as it came and as it is meant.
#[derive(Clone, Debug)]
pub struct ParsedAnswer<T> {
    /// The JSON.
    pub text: String,
    /// What it says.
    pub value: T,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// `admin.listen` is `"off"`.
    Off,
    /// Nobody answers there; and where else somebody may, as far as whoever asks has been told.
    Unreachable(AdminListen, #[source] io::Error, Option<String>),
    /// It is answered over a unix socket alone.
    NeedsSocket(AdminListen),
    /// The process refused.
    Refused(StatusCode, String),
    /// What came from there is no answer.
    Nonsense(AdminListen, #[source] Box<dyn Error + Send + Sync>),
}

impl Client {
    /// One that asks at `listen`.
    pub fn new(listen: AdminListen) -> Self {
        Self { listen, token: None, elsewhere: None }
    }

    /// The same, which says this where nobody answers.
    pub fn saying_where_else(self, elsewhere: String) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// The same, which shows this token.
    pub fn showing(self, token: OperatorToken) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Where it asks.
    pub fn place(&self) -> String {
        self.listen.to_string()
    }

    /// Looks at something.
    ///
    /// # Errors
    /// Nobody answers, or not with what was asked for.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<ParsedAnswer<T>, AskError> {
        let asked = timeout(REPLY_WITHIN, self.ask(Method::GET, path, Bytes::new())).await;
        asked.unwrap_or_else(|_| Err(self.silent()))
    }

    /// Has something done, and waits until it is.
    ///
    /// # Errors
    /// Nobody answers, or it is refused.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<ParsedAnswer<T>, AskError> {
        let body = serde_json::to_vec(body).map_err(|error| self.nonsense(error))?;
        self.ask(Method::POST, path, body.into()).await
    }

    /// Has something begin, and tells each line of what comes of it, until it is over.
    ///
    /// # Errors
    /// Nobody answers, it is refused, or it breaks off.
    pub async fn follow(&self, path: &str, body: &impl Serialize, mut told: impl FnMut(&str)) -> Result<(), AskError> {
        let AdminListen::Unix(_) = &self.listen else { return Err(AskError::NeedsSocket(self.listen.clone())) };
        let body = serde_json::to_vec(body).map_err(|error| self.nonsense(error))?;
        let mut lines = self.lines(Method::POST, path, body.into()).await?;
        while let Some(line) = lines.next().await.map_err(|error| self.nonsense(error))? {
            told(&line);
        }
        Ok(())
    }

    /// Looks at something that goes on: its lines, as they come.
    ///
    /// # Errors
    /// Nobody answers, or it is refused.
    pub async fn watch(&self, path: &str) -> Result<Lines, AskError> {
        let begun = timeout(REPLY_WITHIN, self.lines(Method::GET, path, Bytes::new())).await;
        begun.unwrap_or_else(|_| Err(self.silent()))
    }

    /// Asks whether new sessions and tunnels are welcome; if not, what is said instead.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn ready(&self) -> Result<Result<(), String>, AskError> {
        let sent = timeout(REPLY_WITHIN, self.send(Method::GET, "/ready", Bytes::new())).await;
        let (status, body) = sent.unwrap_or_else(|_| Err(self.silent()))?;
        let text = String::from_utf8_lossy(&body).trim().to_owned();
        match status {
            // Whatever serves HTTP says 200 to something.
            StatusCode::OK if text == READY => Ok(Ok(())),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Err(text)),
            _ => Err(self.nonsense(format!("/ready has the status {}", status.as_u16()))),
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<ParsedAnswer<T>, AskError> {
        let (status, body) = self.send(method, path, body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            return Err(refused(status, &text));
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok(ParsedAnswer { text, value }),
            Err(error) => Err(self.nonsense(error)),
        }
    }

    async fn lines(&self, method: Method, path: &str, body: Bytes) -> Result<Lines, AskError> {
        let answer = self.begin(method, path, body).await?;
        match answer.status() {
            status if status.is_success() => Ok(answer.lines()),
            status => {
                let body = answer.whole().await.map_err(|error| self.nonsense(error))?;
                Err(refused(status, &String::from_utf8_lossy(&body)))
            }
        }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), AskError> {
        let answer = self.begin(method, path, body).await?;
        Ok((answer.status(), answer.whole().await.map_err(|error| self.nonsense(error))?))
    }

    async fn begin(&self, method: Method, path: &str, body: Bytes) -> Result<Answering, AskError> {
        let unreachable = |error| self.unreachable(error);
        let answer = match &self.listen {
            AdminListen::Off => return Err(AskError::Off),
            AdminListen::Unix(socket) => {
                let stream = connect_unix(socket).await.map_err(unreachable)?;
                Answering::to(self.request("localhost", method, path, body)?, stream).await
            }
            AdminListen::Tcp(address) => {
                let stream = timeout(REPLY_WITHIN, TcpStream::connect(address)).await;
                let stream = stream.map_err(|_| self.silent())?.map_err(unreachable)?;
                Answering::to(self.request(&address.to_string(), method, path, body)?, stream).await
            }
        };
        answer.map_err(|error| self.nonsense(error))
    }

    fn request(&self, host: &str, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, AskError> {
        let request = Request::builder().method(method).uri(path).header(HOST, host);
        let mut request = request
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.nonsense(error))?;
        if let Some(token) = &self.token {
            let shown = Zeroizing::new([b"Bearer ", token.reveal()].concat());
            let mut shown = HeaderValue::from_bytes(&shown).map_err(|error| self.nonsense(error))?;
            shown.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, shown);
        }
        Ok(request)
    }

    fn nonsense(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> AskError {
        AskError::Nonsense(self.listen.clone(), error.into())
    }

    fn silent(&self) -> AskError {
        self.unreachable(silence())
    }

    fn unreachable(&self, error: io::Error) -> AskError {
        AskError::Unreachable(self.listen.clone(), error, self.elsewhere.clone())
    }
}

/// Connects as soon as there is a place in the queue; the system has no word for who waits for that.
async fn connect_unix(socket: &Path) -> io::Result<UnixStream> {
    let until = Instant::now() + REPLY_WITHIN;
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => sleep(AGAIN).await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(silence()),
            connected => return connected,
        }
    }
}

fn refused(status: StatusCode, text: &str) -> AskError {
    let why = serde_json::from_str::<Problem>(text).map_or_else(|_| text.to_owned(), |problem| problem.detail);
    AskError::Refused(status, why)
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("admin.listen is \"off\": there is nowhere to ask"),
            Self::Unreachable(listen, error, elsewhere) => {
                write!(f, "no windlass answers at {listen}: {error}")?;
                f.write_str(match error.kind() {
                    io::ErrorKind::TimedOut => {
                        return f.write_str("; the process is stuck or stopped: look what it does");
                    }
                    io::ErrorKind::PermissionDenied => "; ask as the user that windlass runs as, or as root",
                    _ => "; is it running, and with this [admin]? -c FILE or --admin ADDRESS asks elsewhere",
                })?;
                elsewhere.iter().try_for_each(|elsewhere| write!(f, "\n    hint: {elsewhere}"))
            }
            Self::NeedsSocket(listen) => {
                write!(f, "this is told over a unix socket alone, not at {listen}: ask with --admin unix:/PATH")
            }
            Self::Refused(_, why) => f.write_str(why),
            Self::Nonsense(listen, why) => write!(
                f,
                "what answers at {listen} is no windlass that is asked there: {why}; --admin ADDRESS is that of its [admin], not of a \
                 listener or an endpoint"
            ),
        }
    }
}

fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("it said nothing for {} seconds", REPLY_WITHIN.as_secs()))
}

/// How long who is asked may take to take a connection, and to tell how things stand: it has all that at hand.
pub const REPLY_WITHIN: Duration = Duration::from_secs(10);
/// After how long a connection that found the queue full is tried again.
const AGAIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use socket2::{Domain, SockAddr, Socket, Type};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nobody_is_waited_for_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let address = SockAddr::unix(&path).unwrap();
        let stuck = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        stuck.bind(&address).unwrap();
        stuck.listen(0).unwrap();
        let client = || Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).unwrap();
        let waiting: Vec<_> = std::iter::repeat_with(client).take_while(|it| it.connect(&address).is_ok()).collect();
        let asked = Client::new(AdminListen::Unix(path.clone()));

        let stuck_for_all = asked.post::<serde_json::Value>("/reload", &()).await.unwrap_err().to_string();
        let accept = async {
            for _ in &waiting {
                stuck.accept().unwrap();
            }
        };
        let (connected, ()) = tokio::join!(connect_unix(&path), accept);

        assert!(stuck_for_all.contains("said nothing for 10 seconds; the process is stuck"), "{stuck_for_all}");
        assert!(connected.is_ok());
        let silent = asked.get::<serde_json::Value>("/status").await.unwrap_err().to_string();
        assert!(silent.contains("said nothing for 10 seconds"), "{silent}");
        let silent = timeout(2 * REPLY_WITHIN, asked.ready()).await.unwrap().unwrap_err().to_string();
        assert!(silent.contains("said nothing for 10 seconds"), "{silent}");
    }
}
