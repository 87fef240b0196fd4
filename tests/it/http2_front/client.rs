//! A client of HTTP/2, over `h2`.

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::response::Parts;
use http::{HeaderMap, Method, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use windlass::net::{Http2Stream, SharedDelivery};

use crate::rig::{Endpoint, Proxy, Wire, within};

/// A connection of a client.
pub(crate) struct Http2Client {
    sender: SendRequest<Bytes>,
    /// Ends with the connection.
    driver: JoinHandle<Result<(), h2::Error>>,
}

impl Http2Client {
    /// A new connection with the listener `public`.
    pub(crate) async fn connect(proxy: &Proxy) -> Self {
        Self::connect_as(proxy, &Builder::new()).await
    }

    /// The same, as `builder` says.
    pub(crate) async fn connect_as(proxy: &Proxy, builder: &Builder) -> Self {
        let stream = within("a connection", TcpStream::connect(proxy.address("public"))).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, builder).await
    }

    /// One over `stream`.
    pub(crate) async fn over<S>(stream: S, builder: &Builder) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, mut connection) = within("a connection of HTTP/2", builder.handshake(stream)).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let driver = tokio::spawn(connection);
        // With the answer, the proxy's settings are known: whether it takes tunnels.
        within("a pong", pings.ping(h2::Ping::opaque())).await.unwrap();
        Self { sender, driver }
    }

    /// Whether the proxy takes WebSockets over it.
    pub(crate) fn may_ask_for_websockets(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// Begins a request.
    pub(crate) async fn begin(&self, request: Request<()>, is_all: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut sender = within("leave to send", self.sender.clone().ready()).await.unwrap();
        sender.send_request(request, is_all).unwrap()
    }

    /// Has a request answered that has no body.
    pub(crate) async fn ask(&self, request: Request<()>) -> (Parts, String) {
        let (answer, _) = self.begin(request, true).await;
        let (head, body) = within("an answer", answer).await.unwrap().into_parts();
        (head, text(body).await.0)
    }

    /// Has this path got.
    pub(crate) async fn get(&self, path: &str) -> (Parts, String) {
        self.ask(Request::get(format!("http://chat.test{path}")).body(()).unwrap()).await
    }

    /// Asks for a WebSocket at this path.
    pub(crate) async fn ask_for_websocket(&self, path: &str) -> (ResponseFuture, SendStream<Bytes>) {
        self.begin(websocket(path).body(()).unwrap(), false).await
    }

    /// A tunnel to this endpoint, which must be the one that it is placed on: its two ends.
    pub(crate) async fn tunnel(&self, path: &str, endpoint: &Endpoint) -> (Wire<Http2Stream>, Wire) {
        let (answer, outgoing) = self.ask_for_websocket(path).await;
        let at_endpoint = endpoint.grant().await;
        let answer = within("the answer to a WebSocket", answer).await.unwrap();
        assert_eq!(answer.status(), 200);
        (joined(answer, outgoing), at_endpoint)
    }

    /// How the connection ends.
    pub(crate) async fn end(self) -> Result<(), h2::Error> {
        let Self { sender, driver } = self;
        drop(sender);
        within("the end of the connection", driver).await.unwrap()
    }

    /// Whether it has ended, or takes no more requests.
    pub(crate) async fn is_left(&self) -> bool {
        self.sender.clone().ready().await.is_err()
    }
}

/// A request for a WebSocket, as browsers make it.
pub(crate) fn websocket(path: &str) -> http::request::Builder {
    Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://chat.test{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
}

/// The client's end of a tunnel.
pub(crate) fn joined(answer: Response<RecvStream>, outgoing: SendStream<Bytes>) -> Wire<Http2Stream> {
    Wire::new(Http2Stream::new(answer.into_body(), outgoing, SharedDelivery::default()))
}

/// All of a body, and the trailers behind it.
pub(crate) async fn text(mut body: RecvStream) -> (String, HeaderMap) {
    let mut text = Vec::new();
    while let Some(data) = within("more of a body", body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend_from_slice(&data);
    }
    let trailers = within("the end of a body", body.trailers()).await.unwrap();
    (String::from_utf8(text).unwrap(), trailers.unwrap_or_default())
}
