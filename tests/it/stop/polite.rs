//! SIGTERM and SIGINT: everybody is told, what is under way may finish, and nothing outlives the deadline.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::rig::{Config, Endpoint, Frame, Handshake, NotifySocket, Program, Wire, within};

const DEADLINE: Duration = Duration::from_secs(60);

fn config(endpoint: &Endpoint, deadline: &str) -> Config {
    Config::chat([endpoint.address()])
        .with("drain.stop.spread", "\"1ms\"")
        .with("drain.stop.deadline", deadline)
        .with("route.chat.websocket.closing_timeout", "\"1h\"")
}

#[tokio::test]
async fn tunnels_read_1012_new_upgrades_a_503_and_the_exit_code_is_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (endpoint, notify) = (Endpoint::listen().await, NotifySocket::bind());
        let mut program = Program::notifying(&config(&endpoint, "\"60s\""), &notify).await;
        let started = Instant::now();
        assert_eq!(notify.heard().await, "READY=1\nSTATUS=serving");
        let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;

        program.signal(signal);

        assert!(notify.heard().await.starts_with("STOPPING=1\n"));
        let close = client.frame().await;
        assert_eq!(close, Frame::close(1012, "service restart"));
        // The listener is still there, so that nobody's connection is refused.
        let mut late = program.connect().await;
        late.send(Handshake::new().bytes()).await;
        let (head, _) = late.answer().await;
        assert_eq!(
            (head.status(), head.values("retry-after").len(), head.value("connection")),
            (503, 1, Some("close"))
        );
        assert_eq!(late.rest().await, b"");
        let last_words = Frame::text("last words");
        client.send([last_words.by_client(), close.by_client()].concat()).await;
        assert_eq!(at_endpoint.frame().await, last_words);
        let close = at_endpoint.frame().await;
        assert_eq!(close, Frame::close(1001, "service restart"));
        at_endpoint.send(close.by_endpoint()).await;
        at_endpoint.finish().await;
        assert_eq!(client.rest().await, b"");
        drop(client);

        let ended = program.logs("\"tunnel ended\"").await;
        for field in ["\"code\":1012", "\"why\":\"drained: stop\"", "\"client_left\":\"clean\""] {
            assert!(ended.contains(field), "{ended}");
        }
        assert_eq!(program.exit().await.code(), Some(0));
        assert!(started.elapsed() < DEADLINE / 3, "it ends with the last tunnel, not at the deadline");
    }
}

#[tokio::test]
async fn a_stop_with_nothing_open_is_quick() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let started = Instant::now();

    program.signal(Signal::TERM);

    assert_eq!(program.exit().await.code(), Some(0));
    assert!(started.elapsed() < DEADLINE / 12, "{:?}", started.elapsed());
}

/// A client that has been answered, and whose connection rests.
async fn answered(program: &Program, endpoint: &Endpoint) -> Wire {
    let mut client = program.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    client.answer().await;
    client
}

#[tokio::test]
async fn a_resting_session_does_not_hold_a_stop_up() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let mut resting = answered(&program, &endpoint).await;
    let mut silent = program.connect().await;
    let started = Instant::now();

    program.signal(Signal::TERM);

    assert_eq!(resting.rest().await, b"");
    silent.is_gone().await;
    assert_eq!(program.exit().await.code(), Some(0));
    assert!(started.elapsed() < DEADLINE / 4, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let (mut client, _at_endpoint) = program.tunnel(&endpoint).await;
    program.signal(Signal::TERM);
    assert_eq!(client.frame().await.close_code(), Some(1012));
    let mut endless = program.connect().await;
    endless.send("GET /endless HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endless, _) = endpoint.asked().await;
    at_endless.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n01234").await;
    assert_eq!(endless.head().await.status(), 200);
    let started = Instant::now();

    program.signal(Signal::TERM);

    program.logs("second signal").await;
    // Who is cut has its line all the same.
    program.logs_all(&["\"outcome\":\"cut\"", "\"why\":\"drained: stop\""]).await;
    assert_eq!(program.exit().await.code(), Some(0));
    assert!(started.elapsed() < DEADLINE / 12, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_reload_during_a_stop_is_not_heard() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;
    program.signal(Signal::TERM);
    let close = client.frame().await;

    program.signal(Signal::HUP);

    client.send(close.by_client()).await;
    let close = at_endpoint.frame().await;
    at_endpoint.send(close.by_endpoint()).await;
    at_endpoint.finish().await;
    client.rest().await;
    drop(client);
    assert_eq!(program.exit().await.code(), Some(0));
}

#[tokio::test]
async fn deaf_clients_are_told_and_cut_at_the_deadline() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"1s\"")).await;
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;
    let (mut inside, mut at_other) = program.tunnel(&endpoint).await;
    let started_a_frame = Frame::text("").header(1 << 30, 0);
    at_other.send([started_a_frame.as_slice(), b"0123456789"].concat()).await;
    assert_eq!(inside.bytes(20).await.len(), 20);
    let started = Instant::now();

    program.signal(Signal::TERM);

    assert_eq!(client.frame().await.close_code(), Some(1012));
    let stopped = program.logs("\"stopped\"").await;
    assert!(stopped.contains("\"tunnels\":2,\"cut\":2"), "{stopped}");
    assert_eq!(program.exit().await.code(), Some(0));
    assert!(started.elapsed() >= Duration::from_secs(1), "not before the deadline");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    // What they read is over too; whether by FIN or by reset does not matter to somebody who does not answer.
    client.is_gone().await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(1001));
    at_endpoint.is_gone().await;
}

#[tokio::test]
async fn an_exchange_in_flight_finishes() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let mut waiting = program.connect().await;
    waiting.send("GET /slow HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_waiting, _) = endpoint.asked().await;
    let mut streaming = program.connect().await;
    streaming.send("GET /stream HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_streaming, _) = endpoint.asked().await;
    at_streaming.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await;
    assert_eq!(streaming.head().await.status(), 200);

    program.signal(Signal::TERM);
    program.logs("stopping").await;
    at_waiting.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow").await;
    let (head, body) = waiting.answer().await;
    assert_eq!((head.value("connection"), body.as_str()), (Some("close"), "slow"));
    at_streaming.send("56789").await;

    assert_eq!(streaming.rest().await, b"0123456789");
    assert_eq!(program.exit().await.code(), Some(0));
}

/// What somebody meets who comes now: told to come back, refused, or (while the socket closes) reset.
async fn comes_too_late(address: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(&Handshake::new().bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn after_the_drain_nobody_is_met_with_silence_or_keeps_the_process_alive() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let address = program.address();
    let mut waiting = program.connect().await;
    waiting.send("GET /slow HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    program.signal(Signal::TERM);
    program.logs("stopping").await;

    within("the sockets to close", async {
        while let Some(answer) = comes_too_late(address).await {
            assert!(answer.starts_with(b"HTTP/1.1 503 "), "{:?}", String::from_utf8_lossy(&answer));
        }
    })
    .await;
    assert!(TcpStream::connect(address).await.is_err());
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow").await;
    assert_eq!(waiting.answer().await.1, "slow");
    assert_eq!(program.exit().await.code(), Some(0));
}

#[tokio::test]
async fn newcomers_of_the_last_moment_are_told_to_come_back() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let mut newcomers = Vec::new();
    for _ in 0..3 {
        newcomers.push(program.connect().await);
    }

    program.signal(Signal::TERM);
    program.logs("stopping").await;

    for newcomer in &mut newcomers {
        newcomer.send(Handshake::new().bytes()).await;
        let (head, _) = newcomer.answer().await;
        assert_eq!((head.status(), head.values("retry-after").len()), (503, 1));
    }
    drop(newcomers);
    assert_eq!(program.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_leaves_its_side_open_does_not_hold_a_stop_up() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"60s\"")).await;
    let mut resting = answered(&program, &endpoint).await;

    program.signal(Signal::TERM);

    resting.is_gone().await;
    // Long before the deadline.
    assert_eq!(program.exit().await.code(), Some(0));
    drop(resting);
}

#[tokio::test]
async fn half_a_head_does_not_hold_a_stop_up() {
    let endpoint = Endpoint::listen().await;
    let config = config(&endpoint, "\"1h\"").with("listener.public.head_timeout", "\"1h\"");
    let mut program = Program::serving(&config).await;
    let (mut first, mut second) = (program.connect().await, answered(&program, &endpoint).await);
    first.send("GET / HT").await;
    second.send("GET / HT").await;

    program.signal(Signal::TERM);

    assert_eq!(program.exit().await.code(), Some(0));
    drop((first, second));
}

#[tokio::test]
async fn an_endless_exchange_is_cut_at_the_deadline() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint, "\"1s\"")).await;
    let mut endless = program.connect().await;
    endless.send("GET /endless HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n01234").await;
    assert_eq!(endless.head().await.status(), 200);

    program.signal(Signal::TERM);

    program.logs("\"outcome\":\"cut\"").await;
    let stopped = program.logs("\"stopped\"").await;
    assert!(stopped.contains("\"sessions_cut\":1"), "{stopped}");
    assert_eq!(program.exit().await.code(), Some(0));
}
