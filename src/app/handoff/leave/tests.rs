use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::kept::Kept;
use super::super::played_systemd::PlayedSystemd;
use super::*;
use crate::config::parse;

/// The key is that of RFC 6455 §1.3.
const UPGRADE: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// A message of a client, masked with zeros.
const MESSAGE: &[u8] = b"\x81\x82\0\0\0\0hi";

/// The two ends of a tunnel.
struct Ends {
    client: TcpStream,
    endpoint: TcpStream,
}

impl Ends {
    async fn open(running: &Running, endpoint: &TcpListener) -> Self {
        let mut client = TcpStream::connect(running.address("l").unwrap()).await.unwrap();
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        let mut endpoint = endpoint.accept().await.unwrap().0;
        read_head(&mut endpoint).await;
        endpoint.write_all(SWITCH.as_bytes()).await.unwrap();
        read_head(&mut client).await;
        Self { client, endpoint }
    }

    /// A message goes from one to the other.
    async fn assert_carry(&mut self) {
        self.client.write_all(MESSAGE).await.unwrap();
        let mut came = vec![0; MESSAGE.len()];
        self.endpoint.read_exact(&mut came).await.unwrap();
        assert_eq!((came[0], came[1] & 0x7f), (0x81, 2), "{came:?}");
    }
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.unwrap() > 0);
    }
}

fn running(endpoint: SocketAddr) -> Running {
    let text = format!(
        "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"{endpoint}\"]\n"
    );
    Running::start(parse(&text, Path::new("test.toml")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_queue_is_full_tunnels_go_into_the_next_and_go_on_from_both() {
    let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let before = running(endpoint.local_addr().unwrap());
    let mut tunnels = [Ends::open(&before, &endpoint).await, Ends::open(&before, &endpoint).await];
    let systemd = PlayedSystemd::keeping(MOST_KEPT);
    let notifier = systemd.notifier();
    let mut leaver = Leaver::begin(&notifier, before.proxy()).await.unwrap();
    let handles = before.proxy().registry.tunnels(|_| true);
    let [first, second] = [&handles[..1], &handles[1..]];
    assert_eq!(leaver.leave_tunnels(first).await.0.moved, 1);
    leaver.tunnels.fill().await;

    assert_eq!(leaver.leave_tunnels(second).await.0.moved, 1);

    drop(leaver);
    before.end();
    let kept = systemd.end();
    assert_eq!(kept.iter().map(|kept| &*kept.name).collect::<Vec<_>>(), [KEPT_STATE, KEPT_TUNNELS, KEPT_TUNNELS]);
    let after = running(endpoint.local_addr().unwrap());
    Kept::of(kept, &mut Vec::new()).take_up(after.proxy(), &Notifier::from_socket(None)).await;
    assert_eq!(after.proxy().registry.len(), 2);
    for ends in &mut tunnels {
        ends.assert_carry().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_systemd_keeps_no_more_those_that_are_left_stay_and_go_on() {
    let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = running(endpoint.local_addr().unwrap());
    let mut tunnels = [Ends::open(&running, &endpoint).await, Ends::open(&running, &endpoint).await];
    // The state, and one queue of tunnels.
    let systemd = PlayedSystemd::keeping(2);
    let notifier = systemd.notifier();
    let mut leaver = Leaver::begin(&notifier, running.proxy()).await.unwrap();
    leaver.tunnels.fill().await;

    for handle in running.proxy().registry.tunnels(|_| true) {
        let (left, staying) = leaver.leave_tunnels(&[handle]).await;
        assert_eq!((left.moved, left.stayed[&Stays::Failed], staying.len()), (0, 1, 1));
    }

    for ends in &mut tunnels {
        ends.assert_carry().await;
    }
    assert_eq!(systemd.end().len(), 2);
}
