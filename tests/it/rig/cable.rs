//! A link to a network namespace, which a test takes down: no FIN and no reset says that who lives there is gone.
//!
//! This needs root and `ip` (iproute2); where they are missing it fails, for nothing else would tell.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use tokio::net::TcpStream;

use super::{PATIENCE, Wire, within};

/// Two ends of a link, the far one in a namespace of its own. Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Cable {
    namespace: String,
    near_end: String,
    near: Ipv4Addr,
}

impl Cable {
    /// Lays it.
    pub(crate) fn laid() -> Self {
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

    /// The address of the near end.
    pub(crate) fn near(&self) -> Ipv4Addr {
        self.near
    }

    /// Connects from the far end.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Wire {
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

    /// Pulls it: whatever is sent is lost.
    pub(crate) fn pull(&self) {
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
