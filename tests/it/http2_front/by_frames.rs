//! What stands on the wire, frame by frame.

use super::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PADDED, RST_STREAM, SETTINGS, STATUS_200, frame, head,
    headers,
};
use super::in_front_of;
use crate::rig::{Endpoint, Frame, Proxy, ServingEndpoint, Wire};

const PROTOCOL_ERROR: u32 = 1;

/// A tunnel on stream 1: the client's connection, and the endpoint's.
async fn tunnel(proxy: &Proxy, endpoint: &Endpoint) -> (Frames, Wire) {
    let mut client = Frames::begin(proxy).await;
    client.ask_for_websocket(1, "/ws").await;
    let wire = endpoint.grant().await;
    let answer = client.next_of(1).await;
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, STATUS_200));
    assert!(!answer.has(END_STREAM));
    (client, wire)
}

#[tokio::test]
async fn the_first_that_is_said_is_that_tunnels_are_taken() {
    let proxy = Proxy::serving(&in_front_of([Endpoint::nobody()]));
    let mut client = Frames::begin(&proxy).await;
    let settings = client.next().await;
    assert_eq!(settings.kind, SETTINGS);
    let values: Vec<_> =
        settings.payload.chunks(6).map(|it| (it[1], u32::from_be_bytes(it[2..].try_into().unwrap()))).collect();
    assert!(values.contains(&(8, 1)), "SETTINGS_ENABLE_CONNECT_PROTOCOL: {values:?}");
    assert!(values.contains(&(3, 256)), "SETTINGS_MAX_CONCURRENT_STREAMS: {values:?}");
    assert!(values.contains(&(4, 65_536)), "SETTINGS_INITIAL_WINDOW_SIZE: {values:?}");
}

#[tokio::test]
async fn a_close_ends_with_end_stream_on_both_sides_and_no_rst_stream() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = tunnel(&proxy, &endpoint).await;
    wire.send(Frame::close(1000, "").by_endpoint()).await;
    let close = client.next_of(1).await;
    assert_eq!((close.kind, close.payload), (DATA, Frame::close(1000, "").by_endpoint()));
    client.send(&frame(DATA, 0, 1, &Frame::close(1000, "").by_client())).await;
    assert_eq!(wire.frame().await.close_code(), Some(1000));
    wire.finish().await;
    let end = client.next_of(1).await;
    assert_eq!((end.kind, end.payload.len()), (DATA, 0));
    assert!(end.has(END_STREAM));
    // The client takes its time, longer than any closing_timeout.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    client.send(&frame(DATA, END_STREAM, 1, &[])).await;
    let others: Vec<_> =
        client.for_a_moment().await.into_iter().filter(|it| [RST_STREAM, GOAWAY].contains(&it.kind)).collect();
    assert_eq!(others, [], "browsers leave HTTP/2 alone after one");
    drop(wire);
    client.ask_for_websocket(3, "/ws").await;
    let _again = endpoint.grant().await;
    assert_eq!(client.next_of(3).await.payload[0], STATUS_200);
}

#[tokio::test]
async fn a_client_that_ends_its_stream_is_answered_in_full_and_without_a_rst_stream() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = tunnel(&proxy, &endpoint).await;
    client.send(&frame(DATA, END_STREAM, 1, &Frame::close(1001, "").by_client())).await;
    assert_eq!(wire.frame().await.close_code(), Some(1001));
    wire.send(Frame::text("last").by_endpoint()).await;
    wire.send(Frame::close(1001, "").by_endpoint()).await;
    wire.finish().await;
    let mut said = Vec::new();
    loop {
        let it = client.next_of(1).await;
        assert_eq!(it.kind, DATA, "{it:?}");
        said.extend_from_slice(&it.payload);
        if it.has(END_STREAM) {
            break;
        }
    }
    assert!(said.ends_with(&Frame::close(1001, "").by_endpoint()), "{said:?}");
}

#[tokio::test]
async fn a_refused_tunnel_ends_without_a_rst_stream() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("route.chat.hosts", "[\"other.test\"]"));
    let mut client = Frames::begin(&proxy).await;
    client.ask_for_websocket(1, "/ws").await;
    assert_eq!(client.next_of(1).await.kind, HEADERS);
    assert!(client.next_of(1).await.has(END_STREAM));
    client.send(&frame(DATA, END_STREAM, 1, &[])).await;
    let more = client.for_a_moment().await;
    assert!(more.iter().all(|it| it.kind != RST_STREAM), "{more:?}");
}

#[tokio::test]
async fn where_there_are_too_many_it_is_opened_closed_and_ended_without_a_rst_stream() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of([endpoint.address()])
        .with("upstream.chat.handshakes_at_once", "1")
        .with("upstream.chat.queue", "{ wait = \"50ms\" }")
        .with("upstream.chat.when_full", "\"close\"");
    let proxy = Proxy::serving(&config);
    let mut client = Frames::begin(&proxy).await;
    client.ask_for_websocket(1, "/ws").await;
    let _first = endpoint.asked().await;
    client.ask_for_websocket(3, "/ws").await;
    let answer = client.next_of(3).await;
    assert_eq!((answer.kind, answer.payload[0], answer.has(END_STREAM)), (HEADERS, STATUS_200, false));
    let close = client.next_of(3).await;
    assert_eq!(close.payload[..4], [0x88, close.payload.len() as u8 - 2, 0x03, 0xf5], "1013: {close:?}");
    assert!(close.has(END_STREAM) || client.next_of(3).await.has(END_STREAM));
    client.send(&frame(DATA, END_STREAM, 3, &Frame::close(1013, "").by_client())).await;
    let more = client.for_a_moment().await;
    assert!(more.iter().all(|it| it.kind != RST_STREAM), "{more:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_lost_has_its_client_read_a_close() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, wire) = tunnel(&proxy, &endpoint).await;
    wire.vanish();
    let close = client.next_of(1).await;
    assert_eq!(close.payload[..4], [0x88, close.payload.len() as u8 - 2, 0x03, 0xf6], "1014: {close:?}");
    client.send(&frame(DATA, 0, 1, &Frame::close(1014, "").by_client())).await;
    assert!(client.next_of(1).await.has(END_STREAM));
}

#[tokio::test]
async fn a_tunnel_that_is_cut_within_a_frame_has_its_end_and_no_rst_stream() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = tunnel(&proxy, &endpoint).await;
    let begun = &Frame::text("it is lost within this").by_endpoint()[..10];
    wire.send(begun).await;
    assert_eq!(client.next_of(1).await.payload, begun);
    wire.vanish();
    // No Close has a place there: without one it is 1006 for the client, as it is over HTTP/1.1.
    let last = client.next_of(1).await;
    assert_eq!((last.kind, last.payload.len(), last.has(END_STREAM)), (DATA, 0, true));
    client.send(&frame(DATA, END_STREAM, 1, &[])).await;
    let more = client.for_a_moment().await;
    assert!(more.iter().all(|it| it.kind != RST_STREAM), "{more:?}");
    client.ask_for_websocket(3, "/ws").await;
    let _again = endpoint.grant().await;
    assert_eq!(client.next_of(3).await.payload[0], STATUS_200);
}

#[tokio::test]
async fn a_client_that_answers_no_close_reads_the_end_of_its_stream() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of([endpoint.address()]).with("route.chat.websocket.closing_timeout", "\"100ms\"");
    let proxy = Proxy::serving(&config.with("route.chat.websocket.idle_timeout", "\"1s\""));
    let (mut client, _wire) = tunnel(&proxy, &endpoint).await;
    // It answers no Close.
    assert_eq!(client.next_of(1).await.payload[0], 0x88);
    let last = client.next_of(1).await;
    assert_eq!((last.kind, last.payload.len(), last.has(END_STREAM)), (DATA, 0, true));
}

#[tokio::test]
async fn padding_is_no_part_of_what_is_said() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut wire) = tunnel(&proxy, &endpoint).await;
    // Far more in all than the windows, were it not given back.
    for _ in 0..400 {
        let padded = [&[255][..], &Frame::text("hello").by_client(), &[0; 255]].concat();
        client.send(&frame(DATA, PADDED, 1, &padded)).await;
        assert_eq!(wire.frame().await, Frame::text("hello"));
    }
}

#[tokio::test]
async fn a_malformed_request_ends_its_stream_alone() {
    let endpoint = ServingEndpoint::named("served").await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = Frames::begin(&proxy).await;
    let plain = head("GET", "/");
    let with = |more: &[(&'static str, &'static str)]| [&plain[..], more].concat();
    let malformed: [Vec<(&str, &str)>; 8] = [
        with(&[("connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "websocket")]),
        with(&[("keep-alive", "5")]),
        with(&[("te", "gzip")]),
        with(&[(":path", "/again")]),
        with(&[(":status", "200")]),
        [&[(":method", "GET"), (":protocol", "websocket")][..], &plain[1..]].concat(),
    ];
    let mut stream = 1;
    for fields in malformed {
        client.send(&headers(stream, END_HEADERS | END_STREAM, &fields)).await;
        let answer = client.next_of(stream).await;
        assert_eq!((answer.kind, answer.code()), (RST_STREAM, PROTOCOL_ERROR), "{fields:?}");
        stream += 2;
    }
    client.get(stream, "/").await;
    assert_eq!(client.next_of(stream).await.payload[0], STATUS_200);
    let body = client.next_of(stream).await;
    assert_eq!((body.payload.as_slice(), body.has(END_STREAM)), (&b"served"[..], true));
}
