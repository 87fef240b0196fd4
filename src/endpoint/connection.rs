//! One HTTP/1.1 connection with an endpoint: opened, asked, and perhaps asked again.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::interim::InterimListener;
use super::read_after_failed_write::ReadAfterFailedWrite;
use super::sending::{Sending, SentBody};
use crate::http::limits::MAX_BUFFER;
use crate::judge::Asked;
use crate::net::{Guarded, Judged, NextAnswer, ReadActivity, Stream, TunnelStream, Unjudged, Unsent, flaw_of};

/// What hyper reads from and writes to.
type HyperStream<S> = TokioIo<Judged<Guarded<ReadAfterFailedWrite<S>>>>;

/// A connection with an endpoint, for requests with bodies of one kind; dropped, it is closed.
#[derive(Debug)]
pub struct EndpointConnection<B> {
    sender: SendRequest<SentBody<B>>,
    task: ConnectionTask,
    unsent: Unsent,
    /// Whether the endpoint has said anything since it was asked.
    heard: ReadActivity,
    /// Whoever judges its answers knows by it what they are to.
    next_answer: NextAnswer,
    /// A client has authenticated it, or may have: it serves nobody else any more.
    is_owned: bool,
}

/// The task that drives a connection; it ends with its owner. If the connection was given up in good order, it gives the
/// stream back.
#[derive(Debug)]
pub struct ConnectionTask(JoinHandle<Option<Stream>>);

/// The head of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The head; its body follows.
    pub response: Response<Incoming>,
    /// It came before all of its request was sent.
    pub is_early: bool,
}

/// What became of a request that was sent, where it has no answer.
#[derive(Debug)]
pub enum Unanswered<B> {
    /// Nothing of it was sent: the connection had ended. It may go another way.
    Returned(Box<Request<B>>),
    /// It may have been read, in part or whole, but the connection ended without a word: endpoints close what they have
    /// kept for long enough, and a request may cross that.
    Silent(hyper::Error),
    /// It may have been read, and it must not be sent again.
    Lost(hyper::Error),
}

impl<B> EndpointConnection<B>
where
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Speaks HTTP over `stream`; an endpoint that takes none of a request for `deadline` has ended it.
    ///
    /// # Errors
    /// As far as hyper is concerned, none.
    pub async fn open<S>(stream: S, deadline: Duration) -> hyper::Result<Self>
    where
        S: TunnelStream + Into<Stream> + Send + 'static,
    {
        let unsent = Unsent::default();
        let stream = ReadAfterFailedWrite::new(stream);
        let stream = Guarded::telling(stream, deadline, unsent.clone(), ReadAfterFailedWrite::delivery);
        let heard = stream.read_activity();
        let (stream, next_answer) = Judged::answers(stream);
        let (sender, connection) = client().handshake(TokioIo::new(stream)).await?;
        let task = ConnectionTask::spawn(connection, heard.clone());
        Ok(Self { sender, task, unsent, heard, next_answer, is_owned: false })
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// What became of the request then.
    pub async fn send(&mut self, mut request: Request<B>) -> Result<Answer, Unanswered<B>> {
        self.heard.forget();
        let is_head = *request.method() == Method::HEAD;
        self.next_answer.note_asked(if is_head { Asked::ForHead } else { Asked::ForAll });
        InterimListener::listen(&mut request);
        let sending = Sending::new(self.unsent.clone());
        let witness = Waker::from(Arc::clone(&sending));
        let mut answer = pin!(self.sender.try_send_request(request.map(|body| sending.body(body))));
        let answer = poll_fn(|cx| {
            sending.witness(cx.waker());
            answer.as_mut().poll(&mut Context::from_waker(&witness))
        });
        match answer.await {
            Ok(response) => Ok(Answer { response, is_early: sending.is_answered_early() }),
            Err(mut error) => Err(match error.take_message() {
                Some(request) => Unanswered::Returned(Box::new(request.map(SentBody::into_inner))),
                None if !self.heard.is_some() && has_closed(error.error()) => Unanswered::Silent(error.into_error()),
                None => Unanswered::Lost(error.into_error()),
            }),
        }
    }

    /// Waits until the next exchange may come; `false` if none can.
    pub async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

impl<B> EndpointConnection<B> {
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

    /// The stream, to be asked for an upgrade, if the last exchange is over and nothing came since.
    pub async fn into_stream(self) -> Option<Stream> {
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

/// How we speak with endpoints: names are spelt as they came, and ours as the RFCs spell most of them.
fn client() -> Builder {
    let mut builder = Builder::new();
    builder.max_buf_size(MAX_BUFFER).preserve_header_case(true).title_case_headers(true);
    builder
}

/// Whether the other side ended the connection.
pub fn has_closed(error: &hyper::Error) -> bool {
    if flaw_of(error).is_some() {
        return false;
    }
    match error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        Some(error) => error.kind() != io::ErrorKind::TimedOut,
        None => error.is_incomplete_message(),
    }
}

impl ConnectionTask {
    fn spawn<S, B>(connection: http1::Connection<HyperStream<S>, B>, heard: ReadActivity) -> Self
    where
        S: AsyncRead + AsyncWrite + Into<Stream> + Unpin + Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(tokio::spawn(async move {
            // Whoever waits for an answer or its body gets the error there.
            let parts = connection.without_shutdown().await.ok()?;
            // One that has ended by itself is closed at once: it was asked something, and was heard, before.
            let Unjudged { stream, held, .. } = parts.io.into_inner().into_parts();
            let is_clean = parts.read_buf.is_empty() && held.is_empty() && !heard.is_some();
            is_clean.then(|| stream.into_inner().into_inner().into())
        }))
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty, StreamBody};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn connected<B>() -> (EndpointConnection<B>, TcpStream)
    where
        B: Body + Unpin + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (endpoint, _) = listener.accept().await.unwrap();
        (EndpointConnection::open(Stream::Plain(stream.into()), MINUTE).await.unwrap(), endpoint)
    }

    /// Reads the head of a request and answers it.
    async fn answer(endpoint: &mut TcpStream) {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert!(endpoint.read_buf(&mut read).await.unwrap() > 0);
        }
        endpoint.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    }

    #[tokio::test]
    async fn any_kind_of_body_is_sent_and_the_connection_may_be_asked_again() {
        let (mut connection, mut endpoint) = connected::<Empty<Bytes>>().await;
        for _ in 0..2 {
            let (answered, ()) = tokio::join!(connection.send(Request::new(Empty::new())), answer(&mut endpoint));
            let Answer { response, is_early } = answered.unwrap();
            assert!(!is_early);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
            assert!(connection.ready().await);
        }
        drop(endpoint);
        assert!(matches!(
            connection.send(Request::new(Empty::new())).await,
            Err(Unanswered::Silent(_) | Unanswered::Returned(_))
        ));
    }

    #[tokio::test]
    async fn an_answer_to_a_request_that_goes_on_is_early() {
        let (mut connection, mut endpoint) = connected().await;
        let endless = StreamBody::new(futures_util::stream::pending::<Result<http_body::Frame<Bytes>, io::Error>>());
        let mut request = Request::new(endless);
        *request.method_mut() = Method::POST;
        let (answered, ()) = tokio::join!(connection.send(request), answer(&mut endpoint));
        assert!(answered.unwrap().is_early);
    }
}
