//! gRPC, as tonic serves it, asked by a client of HTTP/1.1 that frames messages as gRPC does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, stream};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::in_front_of;
use crate::rig::{Proxy, Wire};

/// Messages are their bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[derive(Clone, Copy)]
struct Calls;

impl NamedService for Calls {
    const NAME: &'static str = "test.Calls";
}

impl Service<http::Request<Body>> for Calls {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move { Ok(Grpc::new(Raw).streaming(Call(method), request).await) })
    }
}

/// One call of a method.
struct Call(String);

type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

impl StreamingService<Bytes> for Call {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = BoxFuture<Response<Messages>, Status>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let method = std::mem::take(&mut self.0);
        let deadline = request.metadata().get("grpc-timeout").map(|value| value.to_str().unwrap().to_owned());
        let mut asked = request.into_inner();
        Box::pin(async move {
            let answers: Messages = match method.as_str() {
                "Unary" => {
                    let message = asked.message().await?.unwrap();
                    Box::pin(stream::iter([Ok(message)]))
                }
                "ServerStreaming" => {
                    let message = asked.message().await?.unwrap();
                    Box::pin(stream::iter((0..3).map(move |_| Ok(message.clone()))))
                }
                "ClientStreaming" => {
                    let mut all = Vec::new();
                    while let Some(message) = asked.message().await? {
                        all.extend_from_slice(&message);
                    }
                    Box::pin(stream::iter([Ok(all.into())]))
                }
                "BothStreaming" => Box::pin(asked),
                "FailsAtOnce" => return Err(Status::not_found("no such thing")),
                "FailsLater" => {
                    let message = asked.message().await?.unwrap();
                    Box::pin(stream::iter([Ok(message), Err(Status::data_loss("half of it"))]))
                }
                "Deadline" => Box::pin(stream::iter([Ok(deadline.unwrap_or_default().into())])),
                "Never" => std::future::pending().await,
                _ => return Err(Status::unimplemented(method)),
            };
            Ok(Response::new(answers))
        })
    }
}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = stream::unfold(listener, async |listener| {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    tokio::spawn(Server::builder().add_service(Calls).serve_with_incoming(incoming));
    address
}

/// A message in its frame.
fn framed(message: &str) -> String {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let head: String = [0].iter().chain(&length).map(|byte| char::from(*byte)).collect();
    head + message
}

fn chunk(data: &str) -> String {
    format!("{:X}\r\n{data}\r\n", data.len())
}

/// Begins a call.
async fn call(proxy: &Proxy, method: &str, headers: &str) -> Wire {
    let mut client = proxy.connect().await;
    let head = format!("POST /test.Calls/{method} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n{headers}");
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
    client
}

const TAKES_TRAILERS: &str = "Connection: TE\r\nTE: trailers\r\n";

/// What ends a call that went well.
const WELL: &str = "0\r\nGrpc-Status: 0\r\n\r\n";

#[tokio::test]
async fn calls_of_every_shape_are_answered_with_their_status() {
    let proxy = Proxy::serving(&in_front_of([serve().await]));
    for (method, asked, answered) in [
        ("Unary", &["one"][..], &["one"][..]),
        ("ServerStreaming", &["one"], &["one", "one", "one"]),
        ("ClientStreaming", &["one", "two", "three"], &["onetwothree"]),
    ] {
        let mut client = call(&proxy, method, TAKES_TRAILERS).await;
        for message in asked {
            client.send(chunk(&framed(message))).await;
        }
        client.send("0\r\n\r\n").await;
        let head = client.head().await;
        assert_eq!((head.status(), head.value("content-type")), (200, Some("application/grpc")), "{method}");
        assert_eq!(head.value("trailer"), Some("grpc-status, grpc-message, grpc-status-details-bin"));
        let all: String = answered.iter().map(|message| framed(message)).collect();
        // However it is cut into chunks.
        let mut body = String::new();
        while body.len() < all.len() {
            let size = usize::from_str_radix(&text(&mut client, "\r\n").await, 16).unwrap();
            body += &String::from_utf8(client.bytes(size).await).unwrap();
            client.hears("\r\n").await;
        }
        assert_eq!(body, all, "{method}");
        client.hears(WELL).await;
    }
}

/// What comes up to `end`, which is taken, too.
async fn text(client: &mut Wire, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text += &String::from_utf8(client.bytes(1).await).unwrap();
    }
    text.trim_end().to_owned()
}

#[tokio::test]
async fn a_call_that_streams_both_ways_takes_turns() {
    let proxy = Proxy::serving(&in_front_of([serve().await]));
    let mut client = call(&proxy, "BothStreaming", TAKES_TRAILERS).await;
    client.head().await;
    for turn in 0..10 {
        let message = chunk(&framed(&format!("turn {turn}")));
        client.send(&message).await;
        client.hears(&message).await;
    }
    client.send("0\r\n\r\n").await;
    client.hears(WELL).await;
}

#[tokio::test]
async fn an_error_is_read_from_the_head_or_the_trailers() {
    let proxy = Proxy::serving(&in_front_of([serve().await]));
    let mut client = call(&proxy, "FailsAtOnce", TAKES_TRAILERS).await;
    client.send("0\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!((head.status(), head.value("grpc-status"), head.value("trailer")), (200, Some("5"), None), "{head:?}");
    let mut client = call(&proxy, "FailsLater", TAKES_TRAILERS).await;
    client.send([chunk(&framed("one")), "0\r\n\r\n".into()].concat()).await;
    client.head().await;
    client.hears(&chunk(&framed("one"))).await;
    let trailers = text(&mut client, "\r\n\r\n").await.to_ascii_lowercase();
    assert!(trailers.starts_with("0\r\n") && trailers.contains("grpc-status: 15"), "{trailers}");
    assert!(trailers.contains("grpc-message: half%20of%20it"), "{trailers}");
}

#[tokio::test]
async fn who_takes_no_trailers_gets_none() {
    let proxy = Proxy::serving(&in_front_of([serve().await]));
    let mut client = call(&proxy, "Unary", "").await;
    client.send([chunk(&framed("one")), "0\r\n\r\n".into()].concat()).await;
    assert_eq!(client.head().await.value("trailer"), None);
    client.hears(&chunk(&framed("one"))).await;
    client.hears("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_deadline_goes_along() {
    let proxy = Proxy::serving(&in_front_of([serve().await]));
    let mut client = call(&proxy, "Deadline", &format!("{TAKES_TRAILERS}grpc-timeout: 5S\r\n")).await;
    client.send("0\r\n\r\n").await;
    client.head().await;
    client.hears(&chunk(&framed("5S"))).await;
    client.hears(WELL).await;
    // The endpoint keeps to it: tonic says CANCELLED, and others DEADLINE_EXCEEDED.
    let mut client = call(&proxy, "Never", &format!("{TAKES_TRAILERS}grpc-timeout: 100m\r\n")).await;
    client.send("0\r\n\r\n").await;
    let head = client.head().await;
    assert!(["1", "4"].contains(&head.value("grpc-status").unwrap()), "{head:?}");
}
