//! One HTTP/1.1 connection with an endpoint: opened, asked, and perhaps asked again.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::last_words::LastWords;
use super::serve::MAX_BUFFER;
use super::upload::Upload;
use crate::net::Guarded;

/// A connection with an endpoint; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    driver: Driver,
}

/// The task that drives a connection; it ends with its owner.
#[derive(Debug)]
pub(super) struct Driver(AbortHandle);

/// What became of a request that was sent, where it has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing of it was sent: the connection had ended. It may go another way.
    Returned(Box<Request<Upload>>),
    /// It may have been read, in part or whole: it must not be sent again.
    Lost(hyper::Error),
}

impl Connection {
    /// Speaks HTTP over `stream`; an endpoint that takes none of a request for `deadline` has ended it.
    pub(super) async fn open(stream: TcpStream, deadline: Duration) -> hyper::Result<Self> {
        let io = TokioIo::new(Guarded::new(LastWords::new(stream), deadline));
        let (sender, connection) = Builder::new().max_buf_size(MAX_BUFFER).handshake(io).await?;
        Ok(Self { sender, driver: Driver::spawn(connection) })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, Unanswered> {
        self.sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Returned(Box::new(request)),
            None => Unanswered::Lost(error.into_error()),
        })
    }

    /// Whether the last exchange is over and the next may come.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until the next exchange may come; `false` if none can.
    pub(super) async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Lets the exchange at hand be the last.
    pub(super) fn into_driver(self) -> Driver {
        self.driver
    }
}

impl Driver {
    pub(super) fn spawn(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Self {
        let task = tokio::spawn(async move {
            // Whoever waits for an answer or its body gets the error there.
            let _ = connection.await;
        });
        Self(task.abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
