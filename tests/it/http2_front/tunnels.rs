//! WebSockets by RFC 8441: many on one connection, each with its own limits, place, end and line.

use bytes::Bytes;
use h2::Reason;
use h2::client::Builder;
use h2::ext::Protocol;
use http::Request;

use super::client::{Http2Client, joined, websocket};
use super::in_front_of;
use crate::rig::{Endpoint, Frame, Handshake, Opcode, Proxy, assert_carries, log, until, within};

#[tokio::test]
async fn whether_a_connection_takes_tunnels_is_for_its_listener_to_say() {
    let endpoint = Endpoint::listen().await;
    for (says, takes) in [("true", true), ("false", false)] {
        let config = in_front_of([endpoint.address()]).with("listener.public.http2_websockets", says);
        let proxy = Proxy::serving(&config);
        let client = Http2Client::connect(&proxy).await;
        assert_eq!(client.may_ask_for_websockets(), takes);
        if !takes {
            let (answer, _outgoing) = client.ask_for_websocket("/h2/unasked").await;
            assert!(within("a refusal", answer).await.is_err(), "nobody who asks all the same has a tunnel");
        }
    }
}

#[tokio::test]
async fn a_tunnel_opens_by_a_200_with_what_was_agreed_on() {
    let mut log = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let request = websocket("/h2/tunnel?token=hush").header("sec-websocket-protocol", "a, chat");
    let request = request.header("sec-websocket-extensions", "permessage-deflate").header("origin", "http://chat.test");
    let (answer, outgoing) = client.begin(request.body(()).unwrap(), false).await;
    let (mut wire, head) = endpoint.asked().await;
    assert_eq!(head.first_line(), "GET /h2/tunnel?token=hush HTTP/1.1");
    for (name, value) in [
        ("host", "chat.test"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "a, chat"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("origin", "http://chat.test"),
    ] {
        assert_eq!(head.values(name), [value], "{head:?}");
    }
    let lines =
        "sec-websocket-protocol: chat\r\nsec-websocket-extensions: permessage-deflate\r\nset-cookie: a=b\r\n\r\n";
    wire.send(Handshake::grant(&head).strip_suffix("\r\n").unwrap().to_owned() + lines).await;
    let answer = within("the answer", answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    let names: Vec<_> = answer.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["sec-websocket-protocol", "sec-websocket-extensions", "set-cookie"]);

    let mut tunnel = joined(answer, outgoing);
    assert_carries(&mut tunnel, &mut wire).await;
    wire.send(Frame::close(1000, "").by_endpoint()).await;
    assert_eq!(tunnel.frame().await.close_code(), Some(1000));
    tunnel.send(Frame::close(1000, "").by_client()).await;
    assert_eq!(wire.frame().await.close_code(), Some(1000));
    drop(wire);
    assert_eq!(tunnel.rest().await, b"");
    tunnel.finish().await;
    drop(tunnel);
    let line = log.about("/h2/tunnel").await;
    assert_eq!((&line["protocol"], &line["code"], &line["ended_by"]), (&"h2".into(), &1000.into(), &"upstream".into()));
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_hundred_tunnels_share_a_connection_and_end_one_by_one() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let mut tunnels = Vec::new();
    for _ in 0..100 {
        tunnels.push(client.tunnel("/hundred", &endpoint).await);
    }
    assert_eq!(proxy.open(), 100);
    for (client, endpoint) in &mut tunnels {
        assert_carries(client, endpoint).await;
    }
    let left = tunnels.split_off(50);
    drop(left);
    until("half are left", || proxy.open() == 50).await;
    for (client, endpoint) in &mut tunnels {
        assert_carries(client, endpoint).await;
    }
    drop(tunnels);
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn whoever_breaks_the_protocol_in_one_tunnel_is_told_so_there() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]).with("route.chat.websocket.max_message", "\"1KiB\""));
    let client = Http2Client::connect(&proxy).await;
    let (mut good, mut good_endpoint) = client.tunnel("/good", &endpoint).await;
    let (mut bad, mut bad_endpoint) = client.tunnel("/bad", &endpoint).await;
    bad.send(Frame::new(Opcode::Binary, vec![0; 2000]).by_client()).await;
    assert_eq!(bad.frame().await.close_code(), Some(1009));
    assert_eq!(bad_endpoint.frame().await.opcode, Opcode::Close);
    assert_carries(&mut good, &mut good_endpoint).await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_switch_has_its_answer_read_and_a_2xx_is_none() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    for (answered, status, body) in
        [("403 Forbidden", 403, "no"), ("200 OK", 502, "502 the endpoint's answer made no sense\n")]
    {
        let (answer, mut outgoing) = client.ask_for_websocket("/h2/no-switch").await;
        let (mut wire, _) = endpoint.asked().await;
        wire.send(format!("HTTP/1.1 {answered}\r\ncontent-length: 2\r\n\r\nno")).await;
        let answer = within("the answer", answer).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(super::client::text(answer.into_body()).await.0, body);
        outgoing.send_data(Bytes::new(), true).unwrap();
        drop(wire);
    }
    let (mut tunnel, mut wire) = client.tunnel("/after", &endpoint).await;
    assert_carries(&mut tunnel, &mut wire).await;
}

#[tokio::test]
async fn nothing_that_follows_a_request_for_a_tunnel_reaches_an_endpoint_that_does_not_switch() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let (answer, mut outgoing) = client.ask_for_websocket("/early").await;
    outgoing.send_data(Bytes::from_static(b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"), true).unwrap();
    let (mut wire, _) = endpoint.asked().await;
    wire.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(within("the answer", answer).await.unwrap().status(), 403);
    assert_eq!(wire.rest().await, b"");
}

#[tokio::test]
async fn only_a_websocket_opens_a_tunnel() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    for (protocol, version, status) in [("connect-udp", "13", 501), ("websocket", "8", 426)] {
        let request = Request::connect("http://chat.test/").extension(Protocol::from(protocol));
        let request = request.header("sec-websocket-version", version).body(()).unwrap();
        let (answer, mut outgoing) = client.begin(request, false).await;
        let answer = within("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), status, "{protocol}");
        assert_eq!(answer.headers().get("sec-websocket-version").is_some(), status == 426);
        assert!(answer.headers().get("upgrade").is_none());
        outgoing.send_data(Bytes::new(), true).unwrap();
    }
}

#[tokio::test]
async fn a_client_that_resets_its_tunnel_is_lost_and_its_siblings_are_not() {
    let mut log = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let (mut kept, mut kept_endpoint) = client.tunnel("/h2/kept-tunnel", &endpoint).await;
    let (answer, mut outgoing) = client.ask_for_websocket("/h2/reset-tunnel").await;
    let mut wire = endpoint.grant().await;
    let _incoming = within("the answer", answer).await.unwrap();
    outgoing.send_reset(Reason::CANCEL);
    assert_eq!(wire.rest().await, b"");
    drop(wire);
    let line = log.about("/h2/reset-tunnel").await;
    assert_eq!(line["ended_by"], "client", "{line}");
    assert_carries(&mut kept, &mut kept_endpoint).await;
}

#[tokio::test]
async fn a_client_that_leaves_while_its_tunnel_opens_leaves_nothing_behind() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let (answer, mut outgoing) = client.ask_for_websocket("/leaves").await;
    let (mut wire, _) = endpoint.asked().await;
    outgoing.send_reset(Reason::CANCEL);
    drop(answer);
    wire.is_gone().await;
    drop((outgoing, client));
    proxy.is_empty().await;
}

#[tokio::test]
async fn who_takes_nothing_of_one_tunnel_holds_up_none_of_the_others() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect_as(&proxy, Builder::new().initial_connection_window_size(1 << 24)).await;
    let (answer, _outgoing) = client.ask_for_websocket("/stalls").await;
    let mut stalls_endpoint = endpoint.grant().await;
    let _unread = within("the answer", answer).await.unwrap();
    let (mut good, mut good_endpoint) = client.tunnel("/good", &endpoint).await;
    let much = Frame::new(Opcode::Binary, vec![7; 32 << 20]).by_endpoint();
    let sending = tokio::spawn(async move { stalls_endpoint.send_patiently(much).await });
    for _ in 0..50 {
        assert_carries(&mut good, &mut good_endpoint).await;
    }
    assert!(!sending.is_finished(), "somebody takes it all");
    sending.abort();
}

#[tokio::test]
async fn large_messages_pass_whole_in_both_directions() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let (mut tunnel, mut wire) = client.tunnel("/large", &endpoint).await;
    let message = Frame::new(Opcode::Binary, (0..3_000_000_u32).map(|byte| byte as u8).collect::<Vec<_>>());
    let (up, ()) = tokio::join!(wire.frame(), async { tunnel.send(message.by_client()).await });
    assert_eq!(up, message);
    let (down, ()) = tokio::join!(tunnel.frame(), async { wire.send(message.by_endpoint()).await });
    assert_eq!(down, message);
}

#[tokio::test]
async fn every_place_that_is_taken_is_told_of_and_the_others_go_on() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let client = Http2Client::connect(&proxy).await;
    let (mut first, mut first_endpoint) = client.tunnel("/first", &endpoint).await;
    let permits = std::sync::Arc::clone(&proxy.running.proxy().permits);
    let all = permits.available_permits();
    let taken = permits.try_acquire_many_owned(u32::try_from(all).unwrap()).unwrap();
    let (head, _) = client.get("/no-room").await;
    assert_eq!(head.status, 503);
    assert_carries(&mut first, &mut first_endpoint).await;
    drop(taken);
    let (mut second, mut second_endpoint) = client.tunnel("/second", &endpoint).await;
    assert_carries(&mut second, &mut second_endpoint).await;
}
