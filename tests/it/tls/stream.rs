//! `TlsStream` over loopback: flow, ends and faults.

use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as ClientTls;
use windlass::net::{TlsStream, TunnelStream};

use crate::tls::site::{Site, localhost};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Both ends of a connection with TLS on it.
struct Pair {
    client: ClientTls<TcpStream>,
    server: Box<TlsStream>,
}

#[tokio::test]
async fn bytes_flow_both_ways_at_once_through_small_socket_buffers() {
    const EACH_WAY: usize = 3_000_000;
    for version in VERSIONS {
        let Pair { client, server } = Pair::new(version).await;
        let (client_reads, client_writes) = split(client);
        // Two tasks on our end: neither may take the other's place in the socket.
        let (server_reads, server_writes) = split(server);
        let tasks = [
            tokio::spawn(write_pattern(client_writes, 1, EACH_WAY)),
            tokio::spawn(write_pattern(server_writes, 2, EACH_WAY)),
            tokio::spawn(read_pattern(server_reads, 1, EACH_WAY)),
            tokio::spawn(read_pattern(client_reads, 2, EACH_WAY)),
        ];
        for task in tasks {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_reader_with_little_room_loses_nothing() {
    for version in VERSIONS {
        let Pair { mut client, mut server } = Pair::new(version).await;
        let sent: Vec<u8> = (0..40_000_u32).map(|n| n as u8).collect();
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();

        let mut received = Vec::new();
        let mut room = [0; 7];
        loop {
            match server.read(&mut room).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&room[..count]),
            }
        }
        assert!(received == sent);
    }
}

#[tokio::test]
async fn a_read_takes_all_records_that_are_there() {
    let Pair { mut client, mut server } = Pair::new(&TLS13).await;
    // Fewer than the ten segments that may be on their way at first.
    for _ in 0..5 {
        client.write_all(&[1; 100]).await.unwrap();
        client.flush().await.unwrap();
    }

    assert_eq!(server.read(&mut [0; 64 * 1024]).await.unwrap(), 500);
}

#[tokio::test]
async fn no_more_is_taken_while_ciphertext_waits() {
    let Pair { mut client, mut server } = Pair::new(&TLS13).await;
    let bytes = vec![5; 64 * 1024];
    let mut taken = 0;
    loop {
        let outcome = poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll_write(cx, &bytes))).await;
        match outcome {
            Poll::Ready(count) => taken += count.unwrap(),
            Poll::Pending => break,
        }
    }
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll_write(cx, &bytes))).await.is_pending());
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll_flush(cx))).await.is_pending());

    let reader = tokio::spawn(async move {
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.map(|_| received)
    });
    server.shutdown().await.unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), vec![5; taken]);
}

#[tokio::test]
async fn close_notify_is_the_end_and_sending_goes_on() {
    for version in VERSIONS {
        let Pair { mut client, mut server } = Pair::new(version).await;
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();

        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"bye");
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0, "it stays at its end");
        server.write_all(b"so long").await.unwrap();
        server.shutdown().await.unwrap();
        server.shutdown().await.unwrap();

        received.clear();
        // Without a close_notify of ours this would fail.
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"so long");
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

#[tokio::test]
async fn an_end_without_close_notify_is_an_error() {
    for version in VERSIONS {
        let Pair { mut client, mut server } = Pair::new(version).await;
        client.write_all(b"cut").await.unwrap();
        client.flush().await.unwrap();
        client.get_mut().0.shutdown().await.unwrap();

        let mut received = Vec::new();
        let error = server.read_to_end(&mut received).await.unwrap_err();

        assert_eq!(received, b"cut");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn after_a_broken_record_everything_fails_but_what_was_before_it_counts() {
    for version in VERSIONS {
        let Pair { mut client, mut server } = Pair::new(version).await;
        client.write_all(b"true").await.unwrap();
        client.flush().await.unwrap();
        client.get_mut().0.write_all(b"\x17\x03\x03\x00\x20this was never encrypted by anyone").await.unwrap();

        let mut received = Vec::new();
        let error = server.read_to_end(&mut received).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::InvalidData, "cannot decrypt peer's message")
        );
        assert_eq!(received, b"true");
        assert_eq!(server.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::InvalidData);
        server.shutdown().await.unwrap();

        let told = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(told.to_string(), "received fatal alert: BadRecordMac");
    }
}

#[tokio::test]
async fn what_comes_with_the_last_flight_is_read() {
    let site = Site::new();
    for version in VERSIONS {
        let mut tls = site.client(version);
        let (client, server) = sockets().await;
        let client = std::thread::spawn(move || {
            let mut socket = client.into_std().unwrap();
            socket.set_nonblocking(false).unwrap();
            // Nothing is sent of it before the handshake is over.
            tls.writer().write_all(b"early bird").unwrap();
            tls.complete_io(&mut socket).unwrap();
            let mut answer = [0; 4];
            rustls::Stream::new(&mut tls, &mut socket).read_exact(&mut answer).unwrap();
            answer
        });

        let mut server = TlsStream::accept(server.into(), Arc::clone(&site.server)).await.unwrap();
        let mut received = [0; 10];
        server.read_exact(&mut received).await.unwrap();
        server.write_all(b"worm").await.unwrap();

        assert_eq!(&received, b"early bird");
        assert_eq!(&client.join().unwrap(), b"worm");
    }
}

#[tokio::test]
async fn a_handshake_that_breaks_off_says_so() {
    let site = Site::new();
    let mut hello = Vec::new();
    site.client(&TLS13).write_tls(&mut hello).unwrap();
    for half in [0, 3, hello.len() / 2, hello.len()] {
        let (mut client, server) = sockets().await;
        client.write_all(&hello[..half]).await.unwrap();
        client.shutdown().await.unwrap();

        let error = TlsStream::accept(server.into(), Arc::clone(&site.server)).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "the connection ended in the middle of the TLS handshake");
    }
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_gets_an_alert() {
    let site = Site::new();
    let (mut client, server) = sockets().await;
    client.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await.unwrap();

    let error = TlsStream::accept(server.into(), Arc::clone(&site.server)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.to_string(), "received corrupt message of type InvalidContentType");
    let mut alert = Vec::new();
    client.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert[0], 21);
}

#[tokio::test]
async fn what_is_written_is_seen_on_its_way() {
    let Pair { mut client, mut server } = Pair::new(&TLS13).await;
    server.write_all(b"x").await.unwrap();
    client.read_exact(&mut [0]).await.unwrap();
    assert!(server.delivery().is_some());
}

impl Pair {
    async fn new(version: &'static SupportedProtocolVersion) -> Self {
        let site = Site::new();
        let (client, server) = sockets().await;
        let connector = TlsConnector::from(site.client_config(version));
        let (client, server) = tokio::join!(
            connector.connect(localhost(), client),
            TlsStream::accept(server.into(), Arc::clone(&site.server))
        );
        Self { client: client.unwrap(), server: server.unwrap() }
    }
}

/// The two ends of a connection that takes little at once.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&server).set_send_buffer_size(16 * 1024).unwrap();
    client.set_nodelay(true).unwrap();
    (client, server)
}

async fn write_pattern(mut stream: impl AsyncWrite + Unpin, step: usize, length: usize) {
    let bytes: Vec<u8> = (0..length).map(|n| (n * step) as u8).collect();
    stream.write_all(&bytes).await.unwrap();
    stream.shutdown().await.unwrap();
}

async fn read_pattern(mut stream: impl tokio::io::AsyncRead + Unpin, step: usize, length: usize) {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.len(), length);
    assert!(received.iter().enumerate().all(|(n, byte)| *byte == (n * step) as u8));
}
