//! Asks a running process: one request over one connection.

use std::{error, fmt, io};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::wire::ErrorAnswer;
use crate::config::AdminListen;

/// Asks the process that listens at an address.
#[derive(Clone, Debug)]
pub struct Client {
    listen: AdminListen,
}

/// An answer, as it came and as it is meant.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// The JSON.
    pub text: String,
    /// What it says.
    pub value: T,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// `admin.listen` is `"off"`.
    Off,
    /// Nobody answers there.
    Unreachable(AdminListen, io::Error),
    /// The process refused.
    Refused(StatusCode, String),
    /// What came is no answer.
    Nonsense(String),
}

impl Client {
    /// One that asks at `listen`.
    pub fn new(listen: AdminListen) -> Self {
        Self { listen }
    }

    /// Looks at something.
    ///
    /// # Errors
    /// Nobody answers, or not with what was asked for.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Asked<T>, AskError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Has something done, and waits until it is.
    ///
    /// # Errors
    /// Nobody answers, or it is refused.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<Asked<T>, AskError> {
        let body = serde_json::to_vec(body).map_err(|error| AskError::Nonsense(error.to_string()))?;
        self.ask(Method::POST, path, body.into()).await
    }

    /// Asks whether new sessions and tunnels are welcome; if not, what is said instead.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn ready(&self) -> Result<Result<(), String>, AskError> {
        let (status, body) = self.send(Method::GET, "/ready", Bytes::new()).await?;
        let text = String::from_utf8_lossy(&body).trim().to_owned();
        Ok(if status.is_success() { Ok(()) } else { Err(text) })
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<Asked<T>, AskError> {
        let (status, body) = self.send(method, path, body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            let why = serde_json::from_str::<ErrorAnswer>(&text).map_or(text, |answer| answer.error);
            return Err(AskError::Refused(status, why));
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Asked { text, value }),
            Err(error) => Err(AskError::Nonsense(error.to_string())),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), AskError> {
        let unreachable = |error| AskError::Unreachable(self.listen.clone(), error);
        match &self.listen {
            AdminListen::Off => Err(AskError::Off),
            AdminListen::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
                exchange(stream, "localhost", method, path, body).await
            }
            AdminListen::Loopback(address) => {
                let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                exchange(stream, &address.to_string(), method, path, body).await
            }
        }
    }
}

async fn exchange<S>(
    stream: S,
    host: &str,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), AskError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let nonsense = |error: &dyn error::Error| AskError::Nonsense(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| nonsense(&error))?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| nonsense(&error))?;
    let response = sender.send_request(request).await.map_err(|error| nonsense(&error))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| nonsense(&error))?.to_bytes();
    driver.abort();
    Ok((status, body))
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("admin.listen is \"off\": there is nowhere to ask"),
            Self::Unreachable(listen, error) => {
                write!(f, "no windlass answers at {listen}: {error}")?;
                f.write_str(match error.kind() {
                    io::ErrorKind::PermissionDenied => "; ask as the user that windlass runs as, or as root",
                    _ => "; is it running, and with this [admin]? -c FILE or --admin ADDRESS asks elsewhere",
                })
            }
            Self::Refused(_, why) => f.write_str(why),
            Self::Nonsense(why) => write!(f, "the answer makes no sense: {why}"),
        }
    }
}

impl error::Error for AskError {}
