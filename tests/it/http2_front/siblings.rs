//! Streams that stand still, are reset or are refused, and those beside them on the connection, which notice nothing.

use super::frames::{DATA, END_STREAM, Frames, GOAWAY, HEADERS, RST_STREAM, STATUS_200, frame};
use super::in_front_of;
use crate::rig::{Endpoint, Frame, Handshake, Proxy, Wire};

const CANCEL: u32 = 8;
const WINDOW: usize = 64 << 10;

/// Stream 1 is a tunnel, and carries.
async fn with_a_tunnel(proxy: &Proxy, endpoint: &Endpoint) -> (Frames, Wire) {
    let mut client = Frames::begin(proxy).await;
    client.ask_for_websocket(1, "/ws").await;
    let wire = endpoint.grant().await;
    assert_eq!(client.next_of(1).await.payload[0], STATUS_200);
    (client, wire)
}

/// The tunnel on stream 1 carries on.
async fn assert_unharmed(client: &mut Frames, wire: &mut Wire) {
    client.send(&frame(DATA, 0, 1, &Frame::text("still here").by_client())).await;
    assert_eq!(wire.frame().await, Frame::text("still here"));
    wire.send(Frame::text("so am I").by_endpoint()).await;
    loop {
        let next = client.next().await;
        assert_ne!(next.kind, GOAWAY, "{next:?}");
        if (next.kind, next.stream) == (DATA, 1) {
            assert_eq!(next.payload, Frame::text("so am I").by_endpoint());
            return;
        }
    }
}

fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

#[tokio::test]
async fn a_window_full_of_small_messages_that_wait_costs_nobody_the_connection() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("listener.public.max_streams", "2"));
    let (mut client, mut wire) = with_a_tunnel(&proxy, &endpoint).await;
    client.ask_for_websocket(3, "/ws").await;
    // Its endpoint takes its time to open it: so all of it waits with the proxy.
    let (mut late, asked) = endpoint.asked().await;
    let message = Frame::text("").by_client();
    let count = WINDOW / message.len();
    for _ in 0..count {
        client.send(&frame(DATA, 0, 3, &message)).await;
    }
    assert_unharmed(&mut client, &mut wire).await;
    late.send(Handshake::grant(&asked)).await;
    for _ in 0..count {
        assert_eq!(late.frame().await, Frame::text(""));
    }
    assert_unharmed(&mut client, &mut wire).await;
}

#[tokio::test]
async fn an_answer_is_reset_while_it_comes() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = with_a_tunnel(&proxy, &endpoint).await;
    for stream in [3, 5, 7] {
        client.get(stream, "/").await;
        let (mut answering, _) = endpoint.asked().await;
        answering.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun").await;
        assert_eq!(client.next_of(stream).await.kind, HEADERS);
        assert_eq!(client.next_of(stream).await.payload, b"begun");
        client.send(&reset(stream)).await;
        answering.is_gone().await;
        assert_unharmed(&mut client, &mut wire).await;
    }
}

#[tokio::test]
async fn a_request_is_reset_while_its_endpoint_thinks() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = with_a_tunnel(&proxy, &endpoint).await;
    client.get(3, "/").await;
    client.ask_for_websocket(5, "/ws").await;
    let (mut one, _) = endpoint.asked().await;
    let (mut other, _) = endpoint.asked().await;
    client.send(&[reset(3), reset(5)].concat()).await;
    one.is_gone().await;
    other.is_gone().await;
    assert_unharmed(&mut client, &mut wire).await;
}

#[tokio::test]
async fn a_tunnel_that_is_refused_or_closing_may_be_reset() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("route.chat.path", "\"/ws\""));
    let (mut client, mut wire) = with_a_tunnel(&proxy, &endpoint).await;
    // Refused, and its client's END_STREAM is waited for.
    client.ask_for_websocket(3, "/elsewhere").await;
    while !client.next_of(3).await.has(END_STREAM) {}
    client.send(&reset(3)).await;
    assert_unharmed(&mut client, &mut wire).await;
    // Closed in good order, but for that.
    client.ask_for_websocket(5, "/ws").await;
    let mut closing = endpoint.grant().await;
    assert_eq!(client.next_of(5).await.payload[0], STATUS_200);
    client.send(&frame(DATA, 0, 5, &Frame::close(1000, "").by_client())).await;
    assert_eq!(closing.frame().await.close_code(), Some(1000));
    closing.send(Frame::close(1000, "").by_endpoint()).await;
    closing.finish().await;
    while !client.next_of(5).await.has(END_STREAM) {}
    client.send(&reset(5)).await;
    assert_unharmed(&mut client, &mut wire).await;
}
