//! A connection in bytes.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{Frame, Head, within};

/// One end of a connection.
pub(crate) struct Wire<S = TcpStream> {
    pub(crate) stream: S,
    /// Received and not asked for yet.
    received: Vec<u8>,
}

impl Wire {
    /// A new connection.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::of(within("a connection", TcpStream::connect(address)).await.unwrap())
    }

    /// A new connection whose kernel takes no more than about so many bytes before they are read.
    pub(crate) async fn connect_with_receive_buffer(address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        Self::of(within("a connection", socket.connect(address)).await.unwrap())
    }

    /// Over a socket that sends at once what it is given.
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::new(stream)
    }

    /// Is gone with a reset: a FIN could mean that it has only nothing more to say.
    pub(crate) fn vanish(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Over `stream`.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// Sends these bytes.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("the peer takes what is sent", async {
            self.stream.write_all(bytes.as_ref()).await.unwrap();
            self.stream.flush().await.unwrap();
        })
        .await;
    }

    /// Sends these bytes to a peer that takes them when it likes.
    pub(crate) async fn send_patiently(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        // TLS keeps what the socket has not taken.
        self.stream.flush().await.unwrap();
    }

    /// Sends these bytes to a peer that may have had enough.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("the peer takes what is sent, or leaves", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Sends a byte, unless the connection is over; whether it is open still.
    pub(crate) async fn takes(&mut self, byte: u8) -> bool {
        let over = self.stream.read_buf(&mut self.received).now_or_never();
        over.is_none_or(|read| read.is_ok_and(|count| count > 0)) && self.stream.write_all(&[byte]).await.is_ok()
    }

    /// Sends a FIN to a peer that may be gone.
    pub(crate) async fn try_finish(&mut self) {
        let _ = within("a FIN", self.stream.shutdown()).await;
    }

    /// Everything that comes until the connection is over, politely or not.
    pub(crate) async fn drain(&mut self) -> String {
        let _ = within("the end of the connection", self.stream.read_to_end(&mut self.received)).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    /// Sends a FIN.
    pub(crate) async fn finish(&mut self) {
        within("a FIN", self.stream.shutdown()).await.unwrap();
    }

    /// The next head.
    pub(crate) async fn head(&mut self) -> Head {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            if let Some(end) = self.received.windows(END.len()).position(|window| window == END) {
                let text = self.received.drain(..end + END.len()).collect();
                return Head { text: String::from_utf8(text).unwrap() };
            }
            self.receive("a head").await;
        }
    }

    /// The next head of an answer, and its body.
    pub(crate) async fn answer(&mut self) -> (Head, String) {
        let head = self.head().await;
        let body = match (head.value("content-length"), head.value("transfer-encoding")) {
            (Some(length), None) => {
                let length = length.parse().unwrap();
                self.bytes(length).await
            }
            (None, Some(_)) => self.chunks().await,
            _ => panic!("a body without a length: {head:?}"),
        };
        (head, String::from_utf8(body).unwrap())
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line().await, 16).unwrap();
            body.extend(self.bytes(size).await);
            assert_eq!(self.line().await, "");
            if size == 0 {
                return body;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<_> = self.received.drain(..end + 2).collect();
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            self.receive("a line").await;
        }
    }

    /// So many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            self.receive("more bytes").await;
        }
        self.received.drain(..count).collect()
    }

    /// Reads exactly this text.
    pub(crate) async fn hears(&mut self, text: &str) {
        let heard = self.bytes(text.len()).await;
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, size)) = Frame::parse(&self.received) {
                self.received.drain(..size);
                return frame;
            }
            self.receive("a frame").await;
        }
    }

    /// Everything that comes until the other end is through.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let end = within("the end of the connection", self.stream.read_to_end(&mut self.received)).await;
        end.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&self.received)));
        std::mem::take(&mut self.received)
    }

    /// Whether the connection is over, politely or not; panics if anything comes first.
    pub(crate) async fn is_gone(&mut self) {
        let mut more = [0; 1024];
        let count = within("the end of the connection", self.stream.read(&mut more)).await.unwrap_or(0);
        let unexpected = [self.received.as_slice(), &more[..count]].concat();
        assert!(unexpected.is_empty(), "{:?}", String::from_utf8_lossy(&unexpected));
    }

    /// Nothing has come that was not asked for.
    pub(crate) fn has_nothing(&mut self) {
        let more = self.stream.read_buf(&mut self.received).now_or_never();
        assert!(more.is_none() && self.received.is_empty(), "{more:?}: {self:?}");
    }

    async fn receive(&mut self, what: &str) {
        let read = within(what, self.stream.read_buf(&mut self.received)).await;
        match read {
            Ok(0) => panic!("the end instead of {what}, after {:?}", String::from_utf8_lossy(&self.received)),
            Ok(_) => {}
            Err(error) => panic!("{error} instead of {what}"),
        }
    }
}

impl<S> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("received", &String::from_utf8_lossy(&self.received)).finish_non_exhaustive()
    }
}
