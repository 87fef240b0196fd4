//! The endpoints over real sockets, without a proxy.

use std::collections::HashMap;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::demo::{Certificate, Layout, Steering};

/// No test waits longer for anything.
const SOON: Duration = Duration::from_secs(10);

/// The three endpoints and somebody who carries out every change.
struct Demo {
    addresses: HashMap<&'static str, SocketAddr>,
    serving: JoinHandle<()>,
    _steering: JoinHandle<()>,
}

async fn start() -> Demo {
    let (endpoints, commands) = DemoEndpoints::bind().await.unwrap();
    let certificate = Certificate::create().unwrap();
    let layout = Layout::new(0, 0, &certificate, endpoints.addresses());
    let mut steering = Steering::new(commands, layout);
    let addresses = endpoints.addresses().collect();
    let serving = tokio::spawn(endpoints.serve());
    let _steering = tokio::spawn(async move {
        while let Some(change) = steering.next().await {
            change.done(None);
        }
    });
    Demo { addresses, serving, _steering }
}

impl Demo {
    async fn connect(&self, endpoint: &str) -> TcpStream {
        TcpStream::connect(self.addresses[endpoint]).await.unwrap()
    }

    async fn tab(&self, endpoint: &str, name: &str) -> WebSocketStream<TcpStream> {
        let stream = self.connect(endpoint).await;
        client_async(format!("ws://127.0.0.1/ws?tab={name}"), stream).await.unwrap().0
    }

    /// Sends `head` with `Connection: close` and `body`, and reads all of the answer.
    async fn exchange(&self, endpoint: &str, head: &str, body: &str) -> String {
        let mut stream = self.connect(endpoint).await;
        let length = body.len();
        let request =
            format!("{head}\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }
}

async fn next_of(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> Value {
    loop {
        let message = timeout(SOON, socket.next()).await.expect("in time").expect("open").expect("a frame");
        let event: Value = serde_json::from_str(message.to_text().unwrap()).expect("JSON");
        if event["type"] == kind {
            return event;
        }
    }
}

#[tokio::test]
async fn tabs_on_different_endpoints_read_each_other() {
    let demo = start().await;
    let (mut otter, mut heron) = (demo.tab("amber", "otter").await, demo.tab("violet", "heron").await);
    assert_eq!(next_of(&mut heron, "hello").await["endpoint"], "violet");
    next_of(&mut heron, "roster").await;
    otter.send(Message::text(r#"{"text":"ahoy"}"#)).await.unwrap();
    let message = next_of(&mut heron, "message").await;
    assert_eq!(message, serde_json::json!({"type":"message","from":"otter","endpoint":"amber","text":"ahoy"}));
    assert_eq!(next_of(&mut otter, "message").await, message);
}

#[tokio::test]
async fn a_drained_endpoint_is_told_to_every_tab_and_comes_back() {
    let demo = start().await;
    let mut tab = demo.tab("violet", "heron").await;
    next_of(&mut tab, "hello").await;
    let answer = demo.exchange("amber", "POST /demo/drain?endpoint=jade HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"generation\": 2"), "{answer}");
    assert_eq!(next_of(&mut tab, "notice").await["generation"], 2);
    let answer = demo.exchange("amber", "POST /demo/drain?endpoint=jade HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 409 ") && answer.contains("out of service already"), "{answer}");
    let answer = demo.exchange("amber", "POST /demo/restore?endpoint=jade HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = demo.exchange("amber", "POST /demo/reload HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("unrelated-1"), "{answer}");
}

#[tokio::test]
async fn only_the_own_page_and_programs_may_steer_or_chat() {
    let demo = start().await;
    for head in ["POST /demo/reload HTTP/1.1", "GET /ws HTTP/1.1"] {
        let answer = demo.exchange("jade", &format!("{head}\r\nOrigin: https://evil.test"), "").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let answer = demo.exchange("jade", "POST /demo/reload HTTP/1.1\r\nOrigin: http://127.0.0.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn answers_without_anybody_to_steer_say_so() {
    let (endpoints, commands) = DemoEndpoints::bind().await.unwrap();
    drop(commands);
    let addresses = endpoints.addresses().collect();
    let demo = Demo { addresses, serving: tokio::spawn(endpoints.serve()), _steering: tokio::spawn(async {}) };
    let answer = demo.exchange("jade", "POST /demo/reload HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn whoami_shows_what_the_proxy_added() {
    let demo = start().await;
    let head = "GET /api/whoami?x=1 HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\nCookie: secret=1";
    let answer = demo.exchange("jade", head, "").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let seen: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&seen["endpoint"], &seen["path"]), (&"jade".into(), &"/api/whoami".into()));
    assert_eq!(seen["headers"]["x-forwarded-for"], "192.0.2.7");
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test]
async fn an_echo_is_the_body_and_never_a_script() {
    let demo = start().await;
    let answer = demo.exchange("jade", "POST /api/echo HTTP/1.1\r\nContent-Type: text/html", "<b>hello</b>").await;
    assert!(answer.contains("content-type: text/plain") && answer.contains("nosniff"), "{answer}");
    assert!(answer.contains("<b>hello</b>"), "{answer}");
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let demo = start().await;
    let mut stream = demo.connect("jade").await;
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(r#"data: {"tick":1,"endpoint":"jade"}"#) {
        assert_ne!(timeout(SOON, stream.read_buf(&mut answer)).await.unwrap().unwrap(), 0);
    }
    assert!(String::from_utf8_lossy(&answer).contains("content-type: text/event-stream"));
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_right() {
    let demo = start().await;
    for (head, status, hint) in [
        ("GET /demo/drain?endpoint=jade HTTP/1.1", "405", "allow: POST"),
        ("POST / HTTP/1.1", "405", "allow: GET"),
        ("POST /demo/drain?endpoint=red HTTP/1.1", "400", "amber, jade, violet"),
        ("GET /ws HTTP/1.1", "400", ""),
        ("GET /elsewhere HTTP/1.1", "404", "/api/whoami"),
    ] {
        let answer = demo.exchange("jade", head, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(hint), "{head}: {answer}");
    }
}

#[tokio::test]
async fn the_page_may_load_nothing_else() {
    let answer = start().await.exchange("amber", "GET / HTTP/1.1", "").await;
    assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
    assert!(answer.contains("id=\"messages\""));
}

#[tokio::test]
async fn what_is_dropped_ends_every_connection() {
    let demo = start().await;
    let mut tab = demo.tab("amber", "otter").await;
    next_of(&mut tab, "roster").await;
    demo.serving.abort();
    let ended = timeout(SOON, async { while let Some(Ok(_)) = tab.next().await {} }).await;
    assert!(ended.is_ok());
    assert!(demo.serving.await.unwrap_err().is_cancelled());
}
