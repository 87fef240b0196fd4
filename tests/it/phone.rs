//! Clients with little room that read slowly: slow is not dead, and dead is found out.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::rig::{Config, Endpoint, Frame, Handshake, Opcode, Proxy, Wire};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, Interval, interval};

/// So often the phone reads, and so much at once: 1.6 MB a second.
const TICK: Duration = Duration::from_millis(10);
const SIP: usize = 16 * 1024;
/// What is in its way to the endpoint's last word; it takes the phone four seconds.
const MESSAGES: usize = 100;
const MESSAGE: usize = 64 * 1024;
/// What would be enough for a peer without a queue.
const PING_EVERY: Duration = Duration::from_millis(200);
const PONG_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_phone_whose_pong_queues_behind_megabytes_is_not_killed() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &config(&endpoint)
            .with("route.chat.websocket.ping_every", "\"200ms\"")
            .with("route.chat.websocket.pong_within", "\"1s\"")
            .with("route.chat.websocket.stall_timeout", "\"1s\""),
    );
    let (mut phone, mut at_endpoint) = tunnel(&proxy, &endpoint).await;
    let started = Instant::now();
    let pushing = tokio::spawn(async move {
        for _ in 0..MESSAGES {
            at_endpoint.send(message()).await;
        }
        at_endpoint
    });

    let (mut messages, mut first_ping) = (0, None);
    while messages < MESSAGES || first_ping.is_none() {
        let frame = phone.frame().await;
        match frame.opcode {
            Opcode::Binary => messages += 1,
            Opcode::Ping => {
                first_ping.get_or_insert(started.elapsed());
                phone.send(Frame::new(Opcode::Pong, frame.payload).by_client()).await;
            }
            _ => panic!("{frame:?} after {:?}", started.elapsed()),
        }
    }

    let first_ping = first_ping.unwrap();
    assert!(first_ping > PING_EVERY + PONG_WITHIN, "it did not wait long enough: {first_ping:?}");
    let mut at_endpoint = pushing.await.unwrap();
    phone.send(Frame::text("still here").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("still here"));
}

#[tokio::test]
async fn a_phone_that_reads_no_more_is_missed_when_it_does_not_pong() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &config(&endpoint)
            .with("route.chat.websocket.ping_every", "\"200ms\"")
            .with("route.chat.websocket.pong_within", "\"1s\"")
            .with("route.chat.websocket.stall_timeout", "\"1h\""),
    );
    let (mut phone, mut at_endpoint) = tunnel(&proxy, &endpoint).await;
    // The systems between take all of it, so that nothing stalls.
    for _ in 0..4 {
        at_endpoint.send(message()).await;
    }
    phone.frame().await;

    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "no answer to ping"));
}

#[tokio::test]
async fn a_phone_that_reads_no_more_is_missed_when_it_takes_nothing() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &config(&endpoint)
            .with("route.chat.websocket.ping_every", "\"off\"")
            .with("route.chat.websocket.stall_timeout", "\"1s\""),
    );
    let (mut phone, mut at_endpoint) = tunnel(&proxy, &endpoint).await;
    let pushing = tokio::spawn(async move {
        for _ in 0..2 * MESSAGES {
            at_endpoint.send(message()).await;
        }
        at_endpoint
    });
    phone.frame().await;

    let mut at_endpoint = pushing.await.unwrap();
    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "the other side stalled"));
}

fn config(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
}

fn message() -> Vec<u8> {
    Frame::new(Opcode::Binary, vec![7; MESSAGE]).by_endpoint()
}

/// A tunnel from a phone: its two ends.
async fn tunnel(proxy: &Proxy, endpoint: &Endpoint) -> (Wire<Phone>, Wire) {
    let phone = Wire::new(Phone::connect(proxy.address("public")).await);
    Proxy::tunnel_over(phone, &Handshake::new(), endpoint).await
}

/// A client's stream with little room, of which a sip is read at each tick.
struct Phone {
    stream: TcpStream,
    ticks: Interval,
}

impl Phone {
    async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Before the handshake, so that the window is small from the first.
        socket.set_recv_buffer_size(SIP as u32).unwrap();
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ticks: interval(TICK) }
    }
}

impl AsyncRead for Phone {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, ticks } = self.get_mut();
        ready!(ticks.poll_tick(cx));
        let mut sip = [0; SIP];
        let mut sip = ReadBuf::new(&mut sip[..SIP.min(buf.remaining())]);
        match Pin::new(stream).poll_read(cx, &mut sip) {
            Poll::Ready(result) => {
                buf.put_slice(sip.filled());
                Poll::Ready(result)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Phone {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
