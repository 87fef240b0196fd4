//! One HTTP/1.1 connection with an endpoint: opened, asked, and perhaps asked again.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use std::{fmt, io};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::read_after_failed_write::ReadAfterFailedWrite;
use super::upload::{Upload, UploadProgress};
use crate::http::limits::MAX_BUFFER;
use crate::net::{Guarded, ReadActivity, Socket, TunnelStream, Unsent};

/// What hyper reads from and writes to.
type HyperStream<S> = TokioIo<Guarded<ReadAfterFailedWrite<S>>>;

/// How we speak with endpoints: names are spelt as they came, and ours as the RFCs spell most of them.
fn client() -> Builder {
    let mut builder = Builder::new();
    builder.max_buf_size(MAX_BUFFER).preserve_header_case(true).title_case_headers(true);
    builder
}

/// A connection with an endpoint; dropped, it is closed.
#[derive(Debug)]
pub struct EndpointConnection {
    sender: SendRequest<Upload>,
    task: ConnectionTask,
    unsent: Unsent,
    /// Whether the endpoint has said anything since it was asked.
    heard: ReadActivity,
    /// A client has authenticated it, or may have: it serves nobody else any more.
    is_owned: bool,
}

/// The task that drives a connection; it ends with its owner. If the connection was given up in good order, it gives the
/// stream back.
#[derive(Debug)]
pub struct ConnectionTask(JoinHandle<Option<Socket>>);

/// What became of a request that was sent, where it has no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nothing of it was sent: the connection had ended. It may go another way.
    Returned(Box<Request<Upload>>),
    /// It may have been read, in part or whole, but the connection ended without a word: endpoints close what they have
    /// kept for long enough, and a request may cross that.
    Silent(hyper::Error),
    /// It may have been read, and it must not be sent again.
    Lost(hyper::Error),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(_) => f.write_str("the connection had ended"),
            Self::Silent(error) | Self::Lost(error) => error.fmt(f),
        }
    }
}

/// Notes, at the moment when the answer comes, whether all of its request was sent.
struct Witness {
    asker: Waker,
    progress: Arc<UploadProgress>,
    unsent: Unsent,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        if !self.progress.is_ended() || self.unsent.is_some() {
            self.progress.note_answered_early();
        }
        self.asker.wake_by_ref();
    }
}

impl EndpointConnection {
    /// Speaks HTTP over `stream`; an endpoint that takes none of a request for `deadline` has ended it.
    pub async fn open<S>(stream: S, deadline: Duration) -> hyper::Result<Self>
    where
        S: TunnelStream + Into<Socket> + Send + 'static,
    {
        let unsent = Unsent::default();
        let stream = Guarded::telling(
            ReadAfterFailedWrite::new(stream),
            deadline,
            unsent.clone(),
            ReadAfterFailedWrite::delivery,
        );
        let heard = stream.read_activity();
        let (sender, connection) = client().handshake(TokioIo::new(stream)).await?;
        let task = ConnectionTask::spawn(connection, heard.clone());
        Ok(Self { sender, task, unsent, heard, is_owned: false })
    }

    /// Sends a request and waits for the head of its answer. Whether that came before the request was sent to its end is
    /// noted with the [`UploadProgress`] of its upload.
    pub async fn ask(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, Unanswered> {
        self.heard.forget();
        let (progress, unsent) = (request.body().progress(), self.unsent.clone());
        let mut answer = pin!(self.sender.try_send_request(request));
        // hyper wakes its asker at the moment when it has read the head. When the asker's turn comes it may have sent more.
        let answer = poll_fn(|cx| {
            let (asker, progress, unsent) = (cx.waker().clone(), Arc::clone(&progress), unsent.clone());
            let witness = Waker::from(Arc::new(Witness { asker, progress, unsent }));
            answer.as_mut().poll(&mut Context::from_waker(&witness))
        });
        answer.await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Returned(Box::new(request)),
            None if !self.heard.is_some() && has_closed(error.error()) => Unanswered::Silent(error.into_error()),
            None => Unanswered::Lost(error.into_error()),
        })
    }

    /// From now on it serves the client alone that it serves now.
    pub fn note_owned(&mut self) {
        self.is_owned = true;
    }

    /// Whether it serves one client alone.
    pub fn is_owned(&self) -> bool {
        self.is_owned
    }

    /// Whether the last exchange is over and the next may come.
    pub fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until the next exchange may come; `false` if none can.
    pub async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// The stream, to be asked for an upgrade, if the last exchange is over and nothing came since.
    pub async fn into_stream(self) -> Option<Socket> {
        let Self { sender, mut task, heard, .. } = self;
        heard.forget();
        // hyper gives up what nobody can ask over.
        drop(sender);
        (&mut task.0).await.ok().flatten()
    }

    /// Lets the exchange at hand be the last.
    pub fn into_task(self) -> ConnectionTask {
        self.task
    }
}

/// Whether the other side ended the connection.
pub fn has_closed(error: &hyper::Error) -> bool {
    match error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        Some(error) => error.kind() != io::ErrorKind::TimedOut,
        None => error.is_incomplete_message(),
    }
}

impl ConnectionTask {
    fn spawn<S>(connection: http1::Connection<HyperStream<S>, Upload>, heard: ReadActivity) -> Self
    where
        S: AsyncRead + AsyncWrite + Into<Socket> + Unpin + Send + 'static,
    {
        Self(tokio::spawn(async move {
            // Whoever waits for an answer or its body gets the error there.
            let parts = connection.without_shutdown().await.ok()?;
            // One that has ended by itself is closed at once: it was asked something, and was heard, before.
            let is_clean = parts.read_buf.is_empty() && !heard.is_some();
            is_clean.then(|| parts.io.into_inner().into_inner().into_inner().into())
        }))
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
