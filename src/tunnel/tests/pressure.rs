//! Back-pressure, buffers, and the bytes that came with the handshake.

use super::frames::*;
use super::scene::{Scene, seconds};
use crate::tunnel::scratch::{HEAD, READ};
use crate::websocket::Side;

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_makes_the_sender_stop() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::new().open();
        tunnel.peer(side).has_room_for(1000);
        let frame = binary(1 << 20).encode(side.other());
        for _ in 0..4 {
            tunnel.peer(side.other()).sends(&frame);
        }
        tunnel.settle();
        let read = 4 * frame.len() - tunnel.peer(side.other()).unread();
        assert!(read <= READ + 1000, "{read} bytes read for 1000 that were taken");
        let buffered = tunnel.buffered()[side.other().sends()];
        assert!(buffered <= READ + HEAD, "{buffered} bytes buffered");
        let mut frames = vec![];
        for _ in 0..10_000 {
            frames.extend(tunnel.peer(side).reads());
            tunnel.settle();
        }
        assert_eq!(frames, vec![binary(1 << 20); 4]);
        assert_eq!(tunnel.buffered()[side.other().sends()], 0, "the buffer is given back");
    }
}

#[tokio::test(start_paused = true)]
async fn one_side_may_stand_while_the_other_runs() {
    let mut tunnel = Scene::new().open();
    tunnel.client.has_room_for(0);
    tunnel.upstream.says(text("to nobody"));
    tunnel.settle();
    tunnel.client.says(binary(1_000_000));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [binary(1_000_000)]);
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_comes_first() {
    let mut scene = Scene::new();
    scene.client_early = text("early").encode(Side::Client);
    scene.upstream_early = text("hello").encode(Side::Upstream);
    scene.answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
    let mut tunnel = scene.open_unpolled();
    tunnel.client.says(text("late"));
    tunnel.upstream.says(text("world"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("early"), text("late")]);
    let read = tunnel.client.reads_bytes();
    let expected = [text("hello").encode(Side::Upstream), text("world").encode(Side::Upstream)].concat();
    assert_eq!(read, [b"HTTP/1.1 101 Switching Protocols\r\n\r\n", &*expected].concat());
    let buffered = tunnel.buffered();
    assert!(buffered.from_client <= HEAD && buffered.from_upstream <= HEAD);
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_may_be_much_and_end_inside_a_header() {
    let mut scene = Scene::new();
    let stream = [binary(300_000).encode(Side::Client), binary(70_000).encode(Side::Client)].concat();
    let (early, late) = stream.split_at(300_014 + 5);
    scene.client_early = early.to_vec();
    let mut tunnel = scene.open();
    tunnel.client.sends(late);
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [binary(300_000), binary(70_000)]);
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_is_judged() {
    let mut scene = Scene::new();
    scene.client_early = text("not masked").encode(Side::Upstream);
    scene.answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
    let mut tunnel = scene.open();
    assert_eq!(tunnel.upstream.reads(), [close(1001, "the client was disconnected")]);
    let read = tunnel.client.reads_bytes();
    assert!(read.starts_with(b"HTTP/1.1 101") && read.ends_with(b"a frame from a client is not masked"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_waits_for_a_client_that_does_not_read_and_nothing_overtakes_it() {
    let mut scene = Scene::new();
    scene.answer = vec![b'x'; 100];
    scene.upstream_early = text("hello").encode(Side::Upstream);
    let mut tunnel = scene.open_unpolled();
    tunnel.client.has_room_for(10);
    tunnel.drain(seconds(60));
    let mut read = vec![];
    for _ in 0..20 {
        read.extend(tunnel.client.reads_bytes());
        tunnel.settle();
    }
    assert!(read.starts_with(&[b'x'; 100]));
    assert!(read[100..].starts_with(&[0x88]), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn streams_may_be_cut_anywhere() {
    for size in [1, 2, 3, 7, 130] {
        let mut tunnel = Scene::new().open();
        tunnel.client.moves_at_most(size);
        tunnel.upstream.moves_at_most(size);
        let frames = [begin("a"), ping("b"), carry_on(""), finish("c"), binary(300), close(1000, "d")];
        for frame in &frames {
            tunnel.client.says(frame.clone());
        }
        tunnel.settle();
        assert_eq!(tunnel.upstream.reads(), frames);
        tunnel.upstream.says(close(1000, ""));
        tunnel.settle();
        assert_eq!(tunnel.client.reads(), [close(1000, "")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_holds_bytes_back_is_flushed() {
    let mut tunnel = Scene::new().open();
    tunnel.client.holds_until_flush();
    tunnel.upstream.says(text("through TLS"));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [text("through TLS")]);
}

#[tokio::test(start_paused = true)]
async fn one_poll_leaves_the_other_tunnels_their_turn() {
    let mut tunnel = Scene::new().open();
    tunnel.client.says(binary(10 << 20));
    assert!(tunnel.step());
    let carried = (10 << 20) - tunnel.client.unread();
    assert!(carried <= 4 * READ, "{carried} bytes in one poll");
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [binary(10 << 20)]);
}
