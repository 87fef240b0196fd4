//! Endpoints at unix sockets: tunnels, exchanges, probes, and what is said of one that is not there.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

use crate::rig::{Config, Frame, Handshake, Proxy, Wire, log, until, within};

struct UnixEndpoint {
    listener: UnixListener,
    folder: TempDir,
}

impl UnixEndpoint {
    fn listen() -> Self {
        let folder = TempDir::new().unwrap();
        Self { listener: UnixListener::bind(folder.path().join("app.sock")).unwrap(), folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.sock")
    }

    async fn accept(&self) -> Wire<UnixStream> {
        Wire::new(within("a connection at the endpoint", self.listener.accept()).await.unwrap().0)
    }
}

fn config(address: &str) -> Config {
    Config::chat([]).with("upstream.chat.endpoints", &format!("[\"unix:{address}\"]"))
}

fn at(endpoint: &UnixEndpoint) -> Config {
    config(endpoint.path().to_str().unwrap())
}

#[tokio::test]
async fn carries_a_tunnel_and_ends_it_politely() {
    let endpoint = UnixEndpoint::listen();
    let proxy = Proxy::serving(&at(&endpoint));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.accept().await;
    let head = at_endpoint.head().await;
    assert_eq!(head.value("host"), Some("chat.test"));
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(client.head().await.status(), 101);
    // Far more than waits in a unix socket.
    let large = "x".repeat(4 << 20);
    let (_, frame) = tokio::join!(client.send(Frame::text(&large).by_client()), at_endpoint.frame());
    assert_eq!(frame, Frame::text(&large));
    at_endpoint.send(Frame::close(1000, "done").by_endpoint()).await;
    assert_eq!(client.frame().await, Frame::close(1000, "done"));
    client.send(Frame::close(1000, "done").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::close(1000, "done"));
    at_endpoint.finish().await;
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_slow_reader_behind_a_unix_socket_is_no_dead_one() {
    let endpoint = UnixEndpoint::listen();
    let config = at(&endpoint).with("route.chat.websocket.stall_timeout", "\"1s\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.accept().await;
    let head = at_endpoint.head().await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(client.head().await.status(), 101);
    let large = Frame::text(&"x".repeat(64 << 20)).by_client();
    let sending = client.send_patiently(large);
    // The runtime tells of room only once three quarters of some 200 KiB are read, which takes longer than the timeout here.
    let reading = async {
        for _ in 0..12 {
            at_endpoint.bytes(16 * 1024).await;
            sleep(Duration::from_millis(250)).await;
        }
        at_endpoint.bytes(64 * 1024).await;
    };
    tokio::select! {
        () = sending => panic!("a unix socket has taken all of it"),
        () = reading => assert_eq!(proxy.open(), 1),
    }
}

#[tokio::test]
async fn keeps_connections_for_the_next_exchange_and_says_localhost_to_those_that_ask_for_their_own_name() {
    let endpoint = UnixEndpoint::listen();
    let proxy = Proxy::serving(&at(&endpoint).with("upstream.chat.host", "\"endpoint\""));
    let mut client = proxy.connect().await;
    let asked = "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n";
    client.send(asked).await;
    let mut at_endpoint = endpoint.accept().await;
    for round in 0..2 {
        if round > 0 {
            client.send(asked).await;
        }
        assert_eq!(at_endpoint.head().await.value("host"), Some("localhost"));
        at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(client.answer().await.1, "ok");
    }
}

#[tokio::test]
async fn a_name_in_the_abstract_namespace_is_an_endpoint_too() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener as StdUnixListener};
    let name = format!("windlass-it-{}", std::process::id());
    let listener = StdUnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = UnixListener::from_std(listener).unwrap();
    let proxy = Proxy::serving(&config(&format!("@{name}")));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let mut at_endpoint = Wire::new(listener.accept().await.unwrap().0);
    at_endpoint.head().await;
    at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.answer().await.1, "ok");
}

#[tokio::test]
async fn is_probed_where_it_is() {
    let endpoint = UnixEndpoint::listen();
    let health = "{ probe = \"http\", path = \"/healthz\", every = \"100ms\", fall = 1, rise = 1 }";
    let proxy = Proxy::serving(&at(&endpoint).with("upstream.chat.health", health));
    let eligible = || {
        let snapshot = proxy.running.proxy().snapshot();
        snapshot.upstreams()["chat"].endpoints()[0].state().is_eligible()
    };
    let mut probe = endpoint.accept().await;
    let head = probe.head().await;
    assert_eq!((head.value("host"), head.text.starts_with("GET /healthz ")), (Some("localhost"), true), "{head:?}");
    probe.send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n").await;
    until("the endpoint is down", || !eligible()).await;
    let mut probe = endpoint.accept().await;
    probe.head().await;
    probe.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    until("the endpoint is up", eligible).await;
}

#[tokio::test]
async fn one_that_is_not_there_is_said_to_be_missing() {
    let mut log = log::lines();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gone.sock");
    let proxy = Proxy::serving(&config(path.to_str().unwrap()));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    assert_eq!(client.head().await.status(), 502);
    let said = format!("unix:{}: there is no such file", path.display());
    log.until(|lines| lines.iter().any(|line| line["error"] == said && line["level"] == "WARN")).await;
}
