//! What a reload, a stop and a listener that goes do to a connection and its streams.

use super::client::Http2Client;
use super::frames::{Frames, GOAWAY, STATUS_200};
use super::in_front_of;
use crate::rig::{Endpoint, Frame, Proxy, assert_carries, within};

#[tokio::test]
async fn a_reload_that_keeps_the_listener_says_no_goaway() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of([endpoint.address()]);
    let mut proxy = Proxy::serving(&config);
    let mut client = Frames::begin(&proxy).await;
    client.ask_for_websocket(1, "/ws").await;
    let mut wire = endpoint.grant().await;
    assert_eq!(client.next_of(1).await.payload[0], STATUS_200);

    proxy.reload(&config.clone().with("listener.public.head_timeout", "\"7s\"")).unwrap();

    wire.send(Frame::text("still here").by_endpoint()).await;
    assert_eq!(client.next_of(1).await.payload, Frame::text("still here").by_endpoint());
    client.ask_for_websocket(3, "/ws").await;
    let _second = endpoint.grant().await;
    assert_eq!(client.next_of(3).await.payload[0], STATUS_200);
    let frames = client.for_a_moment().await;
    assert!(frames.iter().all(|frame| frame.kind != GOAWAY), "{frames:?}");
}

#[tokio::test]
async fn an_endpoint_that_goes_drains_its_tunnels_and_leaves_the_others() {
    let (going, staying) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = |endpoints: &[&Endpoint]| {
        in_front_of(endpoints.iter().map(|endpoint| endpoint.address()))
            .with("upstream.chat.policy", "\"round_robin\"")
            .with("drain.reload.spread", "\"100ms\"")
    };
    let mut proxy = Proxy::serving(&config(&[&staying, &going]));
    let client = Http2Client::connect(&proxy).await;
    let (mut kept, mut kept_wire) = client.tunnel("/ws", &staying).await;
    let (mut drained, mut drained_wire) = client.tunnel("/ws", &going).await;

    proxy.reload(&config(&[&staying])).unwrap();

    assert_eq!(drained.frame().await.close_code(), Some(1012));
    assert_eq!(drained_wire.frame().await.close_code(), Some(1001));
    drained.send(Frame::close(1012, "").by_client()).await;
    drop(drained_wire);
    assert_eq!(drained.rest().await, b"");
    assert_carries(&mut kept, &mut kept_wire).await;
}

#[tokio::test]
async fn a_listener_that_goes_is_left_behind_the_next_answer() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of([endpoint.address()]).with("drain.reload.on", "\"keep\"");
    let config = config.with("listener.other.bind", "\"127.0.0.1:0\"");
    let mut proxy = Proxy::serving(&config);
    let client = Http2Client::connect(&proxy).await;
    let (mut tunnel, mut wire) = client.tunnel("/ws", &endpoint).await;

    proxy.reload(&config.without("listener.public")).unwrap();

    let answered = async {
        let (mut wire, _) = endpoint.asked().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast").await;
        wire
    };
    let ((_, body), _wire) = tokio::join!(client.get("/"), answered);
    assert_eq!(body, "last");
    within("no more requests", async { while !client.is_left().await {} }).await;
    assert_carries(&mut tunnel, &mut wire).await;
    wire.send(Frame::close(1000, "").by_endpoint()).await;
    assert_eq!(tunnel.frame().await.close_code(), Some(1000));
    tunnel.send(Frame::close(1000, "").by_client()).await;
    wire.finish().await;
    assert_eq!(tunnel.rest().await, b"");
    tunnel.finish().await;
    drop(tunnel);
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_rests_is_left() {
    let config = in_front_of([Endpoint::nobody()]).with("listener.public.rest_timeout", "\"1s\"");
    let proxy = Proxy::serving(&config.with("listener.public.head_timeout", "\"1s\""));
    let silent = Http2Client::connect(&proxy).await;
    let asked = Http2Client::connect(&proxy).await;
    asked.get("/").await;
    silent.end().await.unwrap();
    asked.end().await.unwrap();
    proxy.is_empty().await;
}
