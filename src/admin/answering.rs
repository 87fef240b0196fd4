//! An answer that comes in its own time: all of it, or line by line.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

/// An answer that has begun. Its connection ends with it.
#[derive(Debug)]
pub(super) struct Answering {
    response: Response<Incoming>,
    _driver: Driver,
}

/// The lines of an answer, as they come.
#[derive(Debug)]
pub struct Lines {
    answering: Answering,
    /// What has come of the next ones.
    rest: Vec<u8>,
    /// In so much of it there is no end of a line.
    searched: usize,
}

#[derive(Debug)]
struct Driver(JoinHandle<hyper::Result<()>>);

/// How long a line is at the most. The longest is everything that the feed says of a configuration with thousands of endpoints.
const LONGEST: usize = 64 << 20;

impl Answering {
    /// Asks over a fresh connection.
    pub(super) async fn to<S>(request: Request<Full<Bytes>>, stream: S) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = Driver(tokio::spawn(connection));
        Ok(Self { response: sender.send_request(request).await?, _driver: driver })
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// All of it.
    pub(super) async fn whole(self) -> hyper::Result<Bytes> {
        let Self { response, _driver } = self;
        Ok(response.into_body().collect().await?.to_bytes())
    }

    pub(super) fn lines(self) -> Lines {
        Lines { answering: self, rest: Vec::new(), searched: 0 }
    }
}

impl Lines {
    /// The next one, without its end; `None` where there is none. Who cancels this has lost nothing.
    ///
    /// # Errors
    /// It breaks off, or has no end.
    pub async fn next(&mut self) -> Result<Option<String>, BrokenOff> {
        loop {
            let end = self.rest.iter().skip(self.searched).position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let line: Vec<_> = self.rest.drain(..=self.searched + end).collect();
                self.searched = 0;
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            self.searched = self.rest.len();
            if self.searched > LONGEST {
                return Err(BrokenOff::Endless);
            }
            let Some(frame) = self.answering.response.body_mut().frame().await else { return Ok(None) };
            self.rest.extend_from_slice(frame?.data_ref().map(|data| &**data).unwrap_or_default());
        }
    }
}

/// Why no further line comes.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// No end of it is in sight.
    #[error("a line of it is longer than {LONGEST} bytes")]
    Endless,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
