//! Probes of real endpoints that are well, and of those that are not, each in its own way.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::parse;
use crate::snapshot::{FileContents, Snapshot};
use crate::tls::TicketKeys;
use crate::websocket::{Key, Tolerance, check_request};

const HTTP: &str = "probe = \"http\", path = \"/healthz\"";
const WEBSOCKET: &str = "probe = \"websocket\", path = \"/ws\"";

/// What probes the endpoint at this address, as `health` says.
fn subject(address: impl std::fmt::Display, health: &str) -> Subject {
    let text = format!(
        "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"{address}\"]\n\
         health = {{ {health} }}\n"
    );
    let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let snapshot = Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), None);
    let upstream = &snapshot.upstreams()["u"];
    Subject {
        endpoint: Arc::clone(&upstream.endpoints()[0]),
        upstream: Arc::new(ArcSwap::new(Arc::clone(upstream))),
        health: upstream.settings.health.clone().unwrap(),
        network: Network::of_the_system(snapshot.settings.resolver.clone()),
    }
}

async fn listen() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "{:?}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

/// What comes of a probe that an endpoint answers with this, and what it was asked.
async fn answered(health: &str, answer: &str) -> (Result<(), ProbeFailure>, String) {
    let (listener, address) = listen().await;
    let endpoint = async {
        let mut stream = listener.accept().await.unwrap().0;
        let head = head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        head
    };
    let subject = subject(address, health);
    let (probed, head) = tokio::join!(subject.probe(), endpoint);
    (probed, head.replace(&address.to_string(), "ADDRESS"))
}

async fn why(health: &str, answer: &str) -> String {
    answered(health, answer).await.0.unwrap_err().to_string()
}

#[tokio::test]
async fn a_connection_is_enough_where_no_more_is_asked_for() {
    let (listener, address) = listen().await;
    subject(address, "probe = \"tcp\"").probe().await.unwrap();
    let mut accepted = listener.accept().await.unwrap().0;
    assert_eq!(accepted.read(&mut [0; 1]).await.unwrap(), 0, "and it is not kept");
}

#[tokio::test]
async fn who_refuses_is_told_from_who_is_silent() {
    let (listener, address) = listen().await;
    drop(listener);
    for health in ["probe = \"tcp\"", HTTP, WEBSOCKET] {
        let refused = subject(address, health).probe().await.unwrap_err();
        assert!(refused.is_refused() && refused.is_its_fault());
        assert_eq!(refused.to_string(), "connection refused");
    }
    let (_listener, address) = listen().await;
    for health in [HTTP, WEBSOCKET] {
        let begun = Instant::now();
        let silent = subject(address, &format!("{health}, timeout = \"100ms\"")).probe().await.unwrap_err();
        assert!(!silent.is_refused());
        assert_eq!(silent.to_string(), "no answer within timeout");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn who_accepts_and_closes_gives_no_answer() {
    for (health, expected) in [(HTTP, "no answer: "), (WEBSOCKET, "no answer: the endpoint closed the connection")] {
        let why = why(health, "").await;
        assert!(why.starts_with(expected), "{why}");
    }
}

#[tokio::test]
async fn a_plain_request_says_who_asks_and_its_status_tells() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let (probed, head) = answered(HTTP, ok).await;
    probed.unwrap();
    let agent = concat!("User-Agent: windlass-probe/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert_eq!(head, format!("GET /healthz HTTP/1.1\r\nHost: ADDRESS\r\n{agent}Connection: close\r\n\r\n"));
    let (probed, head) = answered("probe = \"http\", method = \"HEAD\", host = \"chat.test\"", ok).await;
    probed.unwrap();
    assert!(head.starts_with("HEAD / HTTP/1.1\r\nHost: chat.test\r\n"), "{head}");

    let unavailable = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(why(HTTP, unavailable).await, "status 503");
    let expects = |expect| format!("{HTTP}, expect = [{expect}]");
    answered(&expects("\"200-299\", 503"), unavailable).await.0.unwrap();
    assert_eq!(why(&expects("204"), ok).await, "status 200");
    assert!(why(HTTP, "220 smtp.test ESMTP\r\n\r\n").await.starts_with("no answer: "));
}

#[tokio::test]
async fn of_an_answer_without_end_no_more_is_taken_than_the_time_and_the_bound_allow() {
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20));
    let (listener, address) = listen().await;
    let begun = Instant::now();
    let endpoint = async {
        let mut stream = listener.accept().await.unwrap().0;
        head(&mut stream).await;
        // It is cut off in the middle.
        let _ = stream.write_all(endless.as_bytes()).await;
        let _ = stream.read(&mut [0; 1]).await;
    };
    let subject = subject(address, &format!("{HTTP}, timeout = \"5s\""));
    let (probed, ()) = tokio::join!(subject.probe(), endpoint);
    probed.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "the bound comes before the time");
}

#[tokio::test]
async fn a_websocket_is_opened_and_closed_politely() {
    let (listener, address) = listen().await;
    let endpoint = async {
        let mut stream = listener.accept().await.unwrap().0;
        let head = head(&mut stream).await;
        let key = key(&head).accept();
        let switch = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n\r\n"
        );
        stream.write_all(switch.as_bytes()).await.unwrap();
        let mut close = [0; 8];
        stream.read_exact(&mut close).await.unwrap();
        let [opcode, length, a, b, c, d, high, low] = close;
        assert_eq!((opcode, length), (0x88, 0x82), "a masked Close with a code");
        assert_eq!(u16::from_be_bytes([high ^ a, low ^ b]), 1000, "{c} {d}");
        stream.write_all(&[0x88, 2, 0x03, 0xE8]).await.unwrap();
        drop(stream);
        head
    };
    let subject = subject(address, WEBSOCKET);
    let (probed, head) = tokio::join!(subject.probe(), endpoint);
    probed.unwrap();
    assert!(head.starts_with("GET /ws HTTP/1.1\r\n") && head.contains("User-Agent: windlass-probe/"), "{head}");
    let (_, other) = answered(WEBSOCKET, "").await;
    assert_ne!(key(&head), key(&other), "each has a key of its own");
}

/// Reads a handshake as a server does.
fn key(head: &str) -> Key {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    assert!(request.parse(head.as_bytes()).unwrap().is_complete());
    let headers = request.headers.iter().map(|header| {
        let name: http::HeaderName = header.name.parse().unwrap();
        (name, HeaderValue::from_bytes(header.value).unwrap())
    });
    let mut tolerance = Tolerance::new(crate::websocket::Strictness::Strict);
    check_request(&Method::GET, http::Version::HTTP_11, &headers.collect(), &mut tolerance).unwrap()
}

#[tokio::test]
async fn what_opens_no_websocket_is_not_well() {
    assert_eq!(why(WEBSOCKET, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await, "status 404");
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let why = why(WEBSOCKET, wrong).await;
    assert_eq!(why, "the answer's Sec-WebSocket-Accept header does not belong to the key");
}

#[tokio::test]
async fn another_port_of_the_same_host_may_be_asked() {
    let (_tunnels, address) = listen().await;
    let (listener, probed) = listen().await;
    subject(address, &format!("probe = \"tcp\", port = {}", probed.port())).probe().await.unwrap();
    listener.accept().await.unwrap();
}
