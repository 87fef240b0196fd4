//! One end of a TCP connection, speaking byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::within;

/// A client of the proxy, or an endpoint's end of a connection that the proxy opened.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// What was read and not yet asked for.
    buffer: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::new(within(TcpStream::connect(address)).await.unwrap())
    }

    /// A client whose kernel takes no more than about so many bytes before it reads.
    pub(crate) async fn connect_with_receive_buffer(address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        Self::new(within(socket.connect(address)).await.unwrap())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends to somebody who may have had enough.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(self.stream.write_all(bytes.as_ref())).await;
    }

    /// The next head, its names in lower case: to most tests their spelling is all the same.
    pub(crate) async fn head(&mut self) -> String {
        let head = self.head_as_spelt().await;
        let lines = head.split_inclusive("\r\n").enumerate().map(|(number, line)| match line.split_once(':') {
            Some((name, value)) if number > 0 => format!("{}:{value}", name.to_ascii_lowercase()),
            _ => line.to_owned(),
        });
        lines.collect()
    }

    /// Everything up to the next empty line, and that line.
    pub(crate) async fn head_as_spelt(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let heard = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.read_more().await, "the connection ended in a head: {heard:?}");
        };
        String::from_utf8(self.buffer.drain(..end).collect()).unwrap()
    }

    /// The head of an answer, whose body is read too: its length stands in its head.
    pub(crate) async fn answer(&mut self) -> String {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        self.bytes(length.parse().unwrap()).await;
        head
    }

    /// The next `count` bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let heard = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.read_more().await, "the connection ended after {heard:?}");
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads exactly this text.
    pub(crate) async fn hears(&mut self, text: &str) {
        let heard = self.bytes(text.len()).await;
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Everything until the other side ends, by a FIN or a reset.
    pub(crate) async fn rest(&mut self) -> String {
        while self.read_more().await {}
        String::from_utf8(std::mem::take(&mut self.buffer)).unwrap()
    }

    /// The other side ends, and says nothing more before.
    pub(crate) async fn hears_the_end(&mut self) {
        assert_eq!(self.rest().await, "");
    }

    /// Says that nothing more will be sent, and nothing more is read.
    pub(crate) fn leave(self) {}

    /// Is gone with a reset: a FIN could mean that it has only nothing more to say.
    pub(crate) fn vanish(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    async fn read_more(&mut self) -> bool {
        within(self.stream.read_buf(&mut self.buffer)).await.is_ok_and(|count| count > 0)
    }
}
