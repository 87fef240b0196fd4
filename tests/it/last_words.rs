//! Good-byes over real sockets: they reach a client that is busy sending, and what it has to say reaches the endpoint.

use crate::rig::{Config, Endpoint, Frame, Opcode, Program};
use rustix::process::Signal;

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_client_that_sends_a_hundred_messages_before_it_answers_our_close_loses_none() {
    let endpoint = Endpoint::listen().await;
    let program = Program::serving(&config(&endpoint)).await;
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;
    program.signal(Signal::TERM);
    let close = client.frame().await;
    assert_eq!(close.close_code(), Some(1012));

    let messages: Vec<_> = (0..100).map(|number| Frame::text(&format!("message {number}").repeat(number))).collect();
    for message in &messages {
        client.send(message.by_client()).await;
    }
    client.send(close.by_client()).await;

    for message in &messages {
        assert_eq!(at_endpoint.frame().await, *message);
    }
    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "service restart"));
    at_endpoint.send(close.by_endpoint()).await;
    at_endpoint.finish().await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_gigabyte_frame_reads_its_1009() {
    let endpoint = Endpoint::listen().await;
    let program = Program::serving(&config(&endpoint).with("route.chat.websocket.max_message", "\"64MiB\"")).await;
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;
    let mut header = Frame::new(Opcode::Binary, "").header(GIB, 0x80);
    header.extend([0; 4]);
    client.send(header).await;

    // It looks for an answer only after a quarter of it.
    let some = vec![0; 1 << 20];
    for _ in 0..GIB / 4 / some.len() as u64 {
        client.send(&some).await;
    }

    assert_eq!(client.frame().await, Frame::close(1009, "a message is larger than 67108864 bytes"));
    // Nothing of the frame came through, not even its header.
    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "the client was disconnected"));
}

fn config(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
        .with("drain.stop.spread", "\"1ms\"")
        .with("drain.stop.deadline", "\"60s\"")
        .with("route.chat.websocket.closing_timeout", "\"1min\"")
}
