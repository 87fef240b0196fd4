//! A session over streams in memory, between a client and an endpoint of the test's own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::Proxy;
use super::context::{Admission, Welcome};
use super::serve::serve;
use crate::config::parse;
use crate::net::{Accepted, Network, SimulatedListener, SimulatedNetwork, SimulatedSocket};
use crate::process::{Room, Workers};
use crate::snapshot::{FileContents, Snapshot};
use crate::tls::TicketKeys;

const SITE: &str = r#"
[listener.l]
bind = "192.0.2.1:80"
[route.r]
upstream = "u"
[upstream.u]
endpoints = ["192.0.2.2:80"]
"#;

/// The key is that of RFC 6455 §1.3.
const UPGRADE: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client, the endpoint that it is placed on, and the proxy between them.
struct Scene {
    client: SimulatedSocket,
    endpoint: SimulatedListener,
    proxy: Arc<Proxy>,
}

impl Scene {
    fn begin() -> Self {
        Self::of(SITE)
    }

    fn of(site: &str) -> Self {
        let snapshot = Snapshot::assemble(
            parse(site, Path::new("test.toml")).unwrap().into(),
            FileContents::default(),
            &TicketKeys::generate().unwrap(),
            None,
        );
        let network = SimulatedNetwork::default();
        let endpoint = network.listen(address("192.0.2.2:80")).unwrap();
        let room = Room { descriptors: 0, tunnels: 8, resting: 8 };
        let proxy = Proxy::new(snapshot, Workers::on_this_runtime(1), room, Network::Simulated(network));
        let (client, accepted) = SimulatedSocket::pair(Duration::ZERO);
        let listener = Arc::clone(proxy.snapshot().listeners().values().next().unwrap());
        let connection = (Accepted::Simulated(accepted), address("198.51.100.1:4711"));
        let session = Arc::clone(&proxy);
        proxy
            .workers
            .hand_over(|seat| serve(connection, listener, session, Admission::new(seat, None), Welcome::Served));
        Self { client, endpoint, proxy }
    }

    /// A WebSocket is opened; the endpoint's end of it.
    async fn switch(&mut self) -> SimulatedSocket {
        self.client.write_all(UPGRADE.as_bytes()).await.unwrap();
        let (mut endpoint, _) = self.endpoint.accept().await;
        read_until(&mut endpoint, "\r\n\r\n").await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        endpoint.write_all(answer.as_bytes()).await.unwrap();
        read_until(&mut self.client, "\r\n\r\n").await;
        endpoint
    }

    /// The average work of the endpoint's tunnels after so long, in thousandths of a message a second.
    fn busyness(&self, after: Duration) -> u64 {
        self.proxy.snapshot().endpoints().next().unwrap().busyness.average(after)
    }

    async fn emptied(&self) -> bool {
        timeout(Duration::from_secs(60), self.proxy.workers.emptied()).await.is_ok()
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What comes, up to and with this text.
async fn read_until(stream: &mut SimulatedSocket, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "it ends: {}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_exchange_passes_from_end_to_end() {
    let mut scene = Scene::begin();
    scene.client.write_all(b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let (mut endpoint, _) = scene.endpoint.accept().await;
    let request = read_until(&mut endpoint, "\r\n\r\n").await;
    assert!(request.starts_with("GET /a HTTP/1.1\r\n"), "{request}");
    endpoint.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
    let answer = read_until(&mut scene.client, "hello").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(scene.client.read(&mut [0; 16]).await.unwrap(), 0);
    drop(scene.client.shutdown().await);
    assert!(scene.emptied().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_a_websocket_and_resets_takes_the_endpoints_connection_along() {
    let mut scene = Scene::begin();
    scene.client.write_all(UPGRADE.as_bytes()).await.unwrap();
    let (mut endpoint, _) = scene.endpoint.accept().await;
    read_until(&mut endpoint, "\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;

    scene.client.reset_when_dropped();
    drop(scene.client);

    assert_eq!(endpoint.read(&mut [0; 16]).await.unwrap(), 0);
    let emptied = timeout(Duration::from_secs(60), scene.proxy.workers.emptied()).await;
    assert!(emptied.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_lets_its_clients_wait_until_they_leave_is_left_alone() {
    // By its weight the first is meant for everybody.
    let two = "[{ address = \"192.0.2.2:80\", weight = 1000000 }, \"192.0.2.3:80\"]\neject = { after = 1 }";
    for (seconds, is_left_alone) in [(4, false), (6, true)] {
        let mut scene = Scene::of(&SITE.replace("[\"192.0.2.2:80\"]", two));
        scene.client.write_all(UPGRADE.as_bytes()).await.unwrap();
        let (mut endpoint, _) = scene.endpoint.accept().await;
        read_until(&mut endpoint, "\r\n\r\n").await;
        sleep(Duration::from_secs(seconds)).await;
        scene.client.reset_when_dropped();
        let snapshot = scene.proxy.snapshot();
        drop(scene.client);
        assert_eq!(endpoint.read(&mut [0; 16]).await.unwrap(), 0);
        let asked = snapshot.endpoints().next().unwrap();
        assert_eq!(asked.state().is_ejected(), is_left_alone, "after {seconds} s");
        let why = "1 upgrades in a row failed: no answer for 6 s, when the client left";
        assert!(asked.causes().iter().all(|cause| cause.why == why), "{:?}", asked.causes());
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_hears_of_the_messages_and_stalls_of_its_tunnels_under_least_busy_alone() {
    const MINUTE: Duration = Duration::from_secs(60);
    for (policy, heard) in [("least_busy", true), ("least_tunnels", false)] {
        let mut scene = Scene::of(&SITE.replace("endpoints", &format!("policy = \"{policy}\"\nendpoints")));
        let mut endpoint = scene.switch().await;
        for _ in 0..400 {
            scene.client.write_all(b"\x81\x81\0\0\0\0a").await.unwrap();
            endpoint.write_all(b"\x81\x01b").await.unwrap();
        }
        endpoint.write_all(b"\x89\0").await.unwrap();
        scene.client.read_exact(&mut [0; 400 * 3 + 2]).await.unwrap();
        endpoint.read_exact(&mut [0; 400 * 7]).await.unwrap();
        let messages = scene.busyness(MINUTE);
        // 800 messages in a minute are 13.3 a second; a ping is none.
        assert_eq!((13_300..=13_333).contains(&messages), heard, "{policy}: {messages}");
        assert_eq!(messages == 0, !heard);

        let much = [&b"\x82\xff\0\0\0\0\0\x40\0\0\0\0\0\0"[..], &vec![0; 4 << 20]].concat();
        assert!(timeout(Duration::from_secs(1), scene.client.write_all(&much)).await.is_err(), "somebody takes it all");
        let stalled = scene.busyness(2 * MINUTE);
        assert_eq!(stalled >= 90_000, heard, "{policy}: {stalled}");

        drop((scene.client, endpoint));
        assert!(timeout(MINUTE, scene.proxy.workers.emptied()).await.is_ok());
        let ended = scene.proxy.snapshot().endpoints().next().unwrap().busyness.average(4 * MINUTE);
        assert!(ended < 100, "{policy}: {ended}");
    }
}
