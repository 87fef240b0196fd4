//! Endpoints that speak HTTP/2 as the test says.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::rig::within;

/// An endpoint whose connections are taken and played by the test.
pub(super) struct Http2Endpoint {
    listener: TcpListener,
}

/// One of its connections.
pub(super) struct Http2Connection {
    requests: UnboundedReceiver<Asked>,
    orders: UnboundedSender<Order>,
}

/// A request, to be answered.
pub(super) struct Asked {
    pub(super) request: Request<RecvStream>,
    pub(super) answer: SendResponse<Bytes>,
}

enum Order {
    GoAway,
    /// Under its task, which ends.
    Cut,
}

impl Http2Endpoint {
    pub(super) async fn listen() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Http2Connection {
        self.accept_as(&Builder::new()).await
    }

    /// The next connection, spoken as `builder` says.
    pub(super) async fn accept_as(&self, builder: &Builder) -> Http2Connection {
        let (stream, _) = within("a connection at the endpoint", self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Http2Connection::play(stream, builder).await
    }

    /// Answers every request by `answer`; how many connections there were is counted.
    pub(super) fn serve<F, A>(self, answer: F) -> Arc<AtomicUsize>
    where
        F: Fn(Asked) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let mut connection = self.accept().await;
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                tokio::spawn(async move {
                    while let Some(asked) = connection.requests.recv().await {
                        tokio::spawn(answer(asked));
                    }
                });
            }
        });
        connections
    }
}

impl Http2Connection {
    /// An endpoint's end of `stream`, spoken as `builder` says.
    pub(super) async fn play<S>(stream: S, builder: &Builder) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut connection = within("the preface", builder.handshake::<_, Bytes>(stream)).await.unwrap();
        let (asked, requests) = unbounded_channel();
        let (orders, mut ordered) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    request = connection.accept() => match request {
                        Some(Ok((request, answer))) => drop(asked.send(Asked { request, answer })),
                        Some(Err(_)) | None => return,
                    },
                    Some(order) = ordered.recv() => match order {
                        Order::GoAway => connection.graceful_shutdown(),
                        Order::Cut => return,
                    },
                }
            }
        });
        Self { requests, orders }
    }

    /// The next request.
    pub(super) async fn asked(&mut self) -> Asked {
        within("a request at the endpoint", self.requests.recv()).await.expect("the connection has ended")
    }

    /// Whether the connection is over; panics if a request comes first.
    pub(super) async fn is_over(&mut self) {
        assert!(within("the end of the connection", self.requests.recv()).await.is_none());
    }

    /// Says that it takes no more requests.
    pub(super) fn go_away(&self) {
        let _ = self.orders.send(Order::GoAway);
    }

    /// Ends without a word.
    pub(super) fn cut(&self) {
        let _ = self.orders.send(Order::Cut);
    }
}

impl Asked {
    /// The next piece of its body.
    pub(super) async fn piece(&mut self) -> Bytes {
        let body = self.request.body_mut();
        let piece = within("a piece of the body", body.data()).await.expect("the body goes on").unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        piece
    }

    /// All of its body.
    pub(super) async fn body(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(piece) = within("a piece of the body", self.request.body_mut().data()).await {
            let piece = piece.unwrap();
            self.request.body_mut().flow_control().release_capacity(piece.len()).unwrap();
            all.extend_from_slice(&piece);
        }
        String::from_utf8(all).unwrap()
    }

    /// Sends the head of an answer, whose body follows.
    pub(super) fn begin(&mut self, answer: Response<()>) -> SendStream<Bytes> {
        self.answer.send_response(answer, false).unwrap()
    }

    /// Answers with this text.
    pub(super) fn say(&mut self, text: &str) {
        let mut body = self.begin(Response::new(()));
        body.send_data(Bytes::copy_from_slice(text.as_bytes()), true).unwrap();
    }

    /// Why the proxy has given it up.
    pub(super) async fn is_reset(&mut self) -> Reason {
        within("a reset", std::future::poll_fn(|cx| self.answer.poll_reset(cx))).await.unwrap()
    }
}
