//! A link to a network namespace, which a test takes down: no FIN and no reset says that who lives there is gone.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use super::namespace::{Namespace, ip};
use super::{PATIENCE, Wire, within};

/// Two ends of a link, the far one in a namespace of its own. Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Cable {
    namespace: Namespace,
    near_end: String,
    near: Ipv4Addr,
    far_end: String,
    far: Ipv4Addr,
}

impl Cable {
    /// Lays it.
    pub(crate) fn laid() -> Self {
        let number = fastrand::u16(..);
        let [high, low] = number.to_be_bytes();
        let (near_end, far_end) = (format!("wlnear{number}"), format!("wlfar{number}"));
        // 198.18.0.0/15 is for tests of network devices (RFC 2544).
        let near = Ipv4Addr::new(198, 18 + (high & 1), low, (high & 0xfc) | 1);
        let far = Ipv4Addr::from(u32::from(near) + 1);
        let cable = Self { namespace: Namespace::new(number), near_end, near, far_end, far };
        let Self { namespace, near_end, far_end, .. } = &cable;
        ip(&["link", "add", near_end, "type", "veth", "peer", "name", far_end, "netns", namespace.name()]);
        ip(&["address", "add", &format!("{near}/30"), "dev", near_end]);
        ip(&["link", "set", near_end, "up"]);
        namespace.ip(&["address", "add", &format!("{far}/30"), "dev", far_end]);
        namespace.ip(&["link", "set", far_end, "up"]);
        cable
    }

    /// The address of the near end.
    pub(crate) fn near(&self) -> Ipv4Addr {
        self.near
    }

    /// Connects from the far end.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Wire {
        let stream = self.namespace.make(move || TcpStream::connect_timeout(&address, PATIENCE).unwrap());
        stream.set_nonblocking(true).unwrap();
        within("the stream", async { Wire::of(stream.try_into().unwrap()) }).await
    }

    /// Listens at the far end.
    pub(crate) async fn listen(&self) -> tokio::net::TcpListener {
        let far = self.far;
        let listener = self.namespace.make(move || TcpListener::bind((far, 0)).unwrap());
        listener.set_nonblocking(true).unwrap();
        within("the listener", async { listener.try_into().unwrap() }).await
    }

    /// Pulls it, at the far end: the near one keeps its address and its route, and whatever is sent there is lost.
    pub(crate) fn pull(&self) {
        self.namespace.ip(&["link", "set", &self.far_end, "down"]);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The link goes with one of its ends; a failure here must not hide the test's own.
        let _ = Command::new("ip").args(["link", "delete", &self.near_end]).output();
    }
}
