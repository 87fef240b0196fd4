//! A cable that is pulled is noticed within `ping_every + pong_within`.
//!
//! The client lives in a network namespace of its own, behind a link that the test takes down: no FIN and no reset says that
//! it is gone. This needs root and `ip` (iproute2); where they are missing it fails, for nothing else would tell.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use crate::rig::{Config, Endpoint, Frame, Handshake, Opcode, PATIENCE, Program, Wire, within};
use tokio::net::TcpStream;
use tokio::time::Instant;

const PING_EVERY: Duration = Duration::from_secs(1);
const PONG_WITHIN: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn is_noticed_within_ping_every_and_pong_within() {
    let cable = Cable::laid();
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("listener.public.bind", &format!("\"{}:0\"", cable.near))
        .with("route.chat.websocket.ping_every", "\"1s\"")
        .with("route.chat.websocket.pong_within", "\"1s\"");
    let mut program = Program::serving(&config).await;
    let mut client = cable.connect(program.address()).await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    // It is pinged, and lives on as long as it answers.
    for _ in 0..3 {
        let ping = client.frame().await;
        assert_eq!(ping.opcode, Opcode::Ping);
        client.send(Frame::new(Opcode::Pong, ping.payload).by_client()).await;
    }
    client.send(Frame::text("the last word").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("the last word"));

    let pulled = Instant::now();
    cable.pull();

    let close = at_endpoint.frame().await;
    let noticed = pulled.elapsed();
    assert_eq!(close, Frame::close(1001, "no answer to ping"));
    assert!(noticed <= PING_EVERY + PONG_WITHIN + SLACK, "{noticed:?}");
    assert!(noticed >= PONG_WITHIN, "before it could answer: {noticed:?}");
    at_endpoint.send(close.by_endpoint()).await;
    drop(at_endpoint);
    let ended = program.logs("\"tunnel ended\"").await;
    assert!(ended.contains("\"why\":\"pong_within\"") && ended.contains("\"ended_by\":\"client\""), "{ended}");
}

/// Two ends of a link, the far one in a namespace of its own. Gone when it is dropped.
struct Cable {
    namespace: String,
    near_end: String,
    near: Ipv4Addr,
}

impl Cable {
    fn laid() -> Self {
        let number = fastrand::u16(..);
        let [high, low] = number.to_be_bytes();
        let namespace = format!("windlass-{number}");
        let (near_end, far_end) = (format!("wlnear{number}"), format!("wlfar{number}"));
        // 198.18.0.0/15 is for tests of network devices (RFC 2544).
        let near = Ipv4Addr::new(198, 18 + (high & 1), low, (high & 0xfc) | 1);
        let far = Ipv4Addr::from(u32::from(near) + 1);
        ip(&["netns", "add", &namespace]);
        let cable = Self { namespace: namespace.clone(), near_end: near_end.clone(), near };
        ip(&["link", "add", &near_end, "type", "veth", "peer", "name", &far_end, "netns", &namespace]);
        ip(&["address", "add", &format!("{near}/30"), "dev", &near_end]);
        ip(&["link", "set", &near_end, "up"]);
        ip(&["-n", &namespace, "address", "add", &format!("{far}/30"), "dev", &far_end]);
        ip(&["-n", &namespace, "link", "set", &far_end, "up"]);
        cable
    }

    /// Connects from the far end.
    async fn connect(&self, address: SocketAddr) -> Wire {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.namespace)).unwrap();
        // A socket belongs to the namespace of the thread that made it, and a thread of its own may move there.
        let connecting = std::thread::spawn(move || {
            rustix::thread::move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(rustix::thread::LinkNameSpaceType::Network),
            )
            .unwrap();
            std::net::TcpStream::connect_timeout(&address, PATIENCE).unwrap()
        });
        let stream = connecting.join().unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        within("the stream", async { Wire::new(TcpStream::from_std(stream).unwrap()) }).await
    }

    fn pull(&self) {
        ip(&["link", "set", &self.near_end, "down"]);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The link goes with one of its ends; a failure here must not hide the test's own.
        let _ = Command::new("ip").args(["link", "delete", &self.near_end]).output();
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).output();
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said}(this test needs root)", arguments.join(" "));
}
