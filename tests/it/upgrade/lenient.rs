//! What is against RFC 6455, between devices that nobody will update: refused, or let pass as it comes where the route is
//! lenient, and counted then.

use windlass::metrics::{Exposition, Gauges};

use crate::rig::{Config, Endpoint, Frame, Handshake, Head, Opcode, Proxy, Wire, switch_with, until};

const STRICT: &str = "\"strict\"";
const LENIENT: &str = "\"lenient\"";

/// What a route may let pass.
const ALL: [&str; 5] = ["connection", "key", "subprotocol", "frame_length", "masked"];

async fn serving(strictness: &str) -> (Proxy, Endpoint) {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.websocket.strictness", strictness);
    (Proxy::serving(&config), endpoint)
}

/// How often this was needed.
fn counted(proxy: &Proxy, what: &str) -> u64 {
    let metrics = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let name = format!("windlass_lenient_total{{what=\"{what}\"}} ");
    let sample = metrics.lines().find_map(|line| line.strip_prefix(&name));
    sample.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// That these were needed once each, and nothing else.
async fn needed_once(proxy: &Proxy, needed: &[&str]) {
    proxy.is_empty().await;
    let count = |what| u64::from(needed.contains(&what));
    until("all is counted", || ALL.iter().all(|what| counted(proxy, what) == count(what))).await;
}

/// Whether the two ends of a tunnel hear each other.
async fn speak(client: &mut Wire, at_endpoint: &mut Wire) {
    client.send(Frame::text("to the endpoint").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("to the endpoint"));
    at_endpoint.send(Frame::text("to the client").by_endpoint()).await;
    assert_eq!(client.frame().await, Frame::text("to the client"));
}

/// What the client reads of a request that the endpoint hears of, and answers as a page.
async fn as_a_page(proxy: &Proxy, endpoint: &Endpoint, handshake: &Handshake) -> (Head, String) {
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.value("upgrade"), None, "{}", head.text);
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\na page").await;
    client.answer().await
}

#[tokio::test]
async fn a_request_without_a_connection_header_opens_a_tunnel_on_a_lenient_route_alone() {
    for handshake in [Handshake::new().without("connection"), Handshake::new().but("connection", "keep-alive")] {
        let (strict, endpoint) = serving(STRICT).await;
        assert_eq!(as_a_page(&strict, &endpoint, &handshake).await.1, "a page");
        needed_once(&strict, &[]).await;

        let (lenient, endpoint) = serving(LENIENT).await;
        let mut client = lenient.connect().await;
        client.send(handshake.and(Frame::text("early").by_client())).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        assert!(head.has("Connection: Upgrade") && head.has("Upgrade: websocket"), "{}", head.text);
        at_endpoint.send(Handshake::grant(&head)).await;
        assert_eq!(client.head().await.status(), 101);
        assert_eq!(at_endpoint.frame().await, Frame::text("early"));
        speak(&mut client, &mut at_endpoint).await;
        drop((client, at_endpoint));
        needed_once(&lenient, &["connection"]).await;
    }
}

#[tokio::test]
async fn without_a_key_a_request_that_has_no_connection_header_is_a_page_on_a_lenient_route_too() {
    let (proxy, endpoint) = serving(LENIENT).await;
    let handshake = Handshake::new().without("connection").without("sec-websocket-key");
    assert_eq!(as_a_page(&proxy, &endpoint, &handshake).await.1, "a page");
    needed_once(&proxy, &[]).await;
}

#[tokio::test]
async fn a_key_of_another_size_opens_a_tunnel_on_a_lenient_route_alone() {
    for key in ["short", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "dGhlIHNhbXBsZSBub25jZQ!!"] {
        let handshake = Handshake::new().but("sec-websocket-key", key);
        let (strict, endpoint) = serving(STRICT).await;
        let mut client = strict.connect().await;
        client.send(handshake.bytes()).await;
        let (head, _) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!(head.status(), 400, "{key}");
        drop(client);
        needed_once(&strict, &[]).await;

        let (lenient, endpoint) = serving(LENIENT).await;
        // The rig's endpoint answers the text as it is, and the proxy holds it to that.
        let (mut client, mut at_endpoint) = lenient.tunnel_with(&handshake, &endpoint).await;
        speak(&mut client, &mut at_endpoint).await;
        drop((client, at_endpoint));
        needed_once(&lenient, &["key"]).await;
    }
}

#[tokio::test]
async fn an_accept_that_does_not_belong_to_the_key_is_a_502_on_a_lenient_route_too() {
    let (proxy, endpoint) = serving(LENIENT).await;
    let mut client = proxy.connect().await;
    client.send(Handshake::new().but("sec-websocket-key", "short").bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send(switch_with("")).await;
    assert_eq!(client.answer().await.0.status(), 502);
}

#[tokio::test]
async fn a_subprotocol_that_nobody_offered_opens_a_tunnel_on_a_lenient_route_alone() {
    for handshake in [Handshake::new(), Handshake::new().with("sec-websocket-protocol", "ocpp2.0, OCPP1.6")] {
        for strictness in [STRICT, LENIENT] {
            let (proxy, endpoint) = serving(strictness).await;
            let mut client = proxy.connect().await;
            client.send(handshake.bytes()).await;
            let (mut at_endpoint, _) = endpoint.asked().await;
            at_endpoint.send(switch_with("Sec-WebSocket-Protocol: ocpp1.6\r\n")).await;
            if strictness == STRICT {
                assert_eq!(client.answer().await.0.status(), 502);
            } else {
                let head = client.head().await;
                assert_eq!(head.status(), 101, "{}", head.text);
                assert_eq!(head.values("sec-websocket-protocol"), ["ocpp1.6"]);
                speak(&mut client, &mut at_endpoint).await;
            }
            drop((client, at_endpoint));
            needed_once(&proxy, if strictness == STRICT { &[] } else { &["subprotocol"] }).await;
        }
    }
}

/// Five letters, their length in four bytes more than it needs.
fn stretched(by_client: bool) -> Vec<u8> {
    let frame = Frame::text("hello");
    let (whole, mask) = if by_client { (frame.by_client(), 0x80) } else { (frame.by_endpoint(), 0) };
    [&[whole[0], mask | 127, 0, 0, 0, 0, 0, 0, 0, 5], &whole[2..]].concat()
}

#[tokio::test]
async fn a_length_that_is_not_in_its_shortest_form_passes_on_a_lenient_route_alone() {
    for by_client in [true, false] {
        let (strict, endpoint) = serving(STRICT).await;
        let (mut client, mut at_endpoint) = strict.tunnel(&endpoint).await;
        let sender = if by_client { &mut client } else { &mut at_endpoint };
        sender.send(stretched(by_client)).await;
        assert_eq!(sender.frame().await.close_code(), Some(1002));
        drop((client, at_endpoint));
        needed_once(&strict, &[]).await;

        let (lenient, endpoint) = serving(LENIENT).await;
        let (mut client, mut at_endpoint) = lenient.tunnel(&endpoint).await;
        let (sender, reader) =
            if by_client { (&mut client, &mut at_endpoint) } else { (&mut at_endpoint, &mut client) };
        sender.send([stretched(by_client), stretched(by_client)].concat()).await;
        for _ in 0..2 {
            let bytes = stretched(by_client);
            assert_eq!(reader.bytes(bytes.len()).await, bytes, "as it came");
        }
        speak(&mut client, &mut at_endpoint).await;
        drop((client, at_endpoint));
        needed_once(&lenient, &["frame_length"]).await;
    }
}

#[tokio::test]
async fn masked_frames_of_an_endpoint_pass_on_a_lenient_route_alone() {
    let (strict, endpoint) = serving(STRICT).await;
    let (client, mut at_endpoint) = strict.tunnel(&endpoint).await;
    at_endpoint.send(Frame::text("masked").by_client()).await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(1002));
    drop((client, at_endpoint));
    needed_once(&strict, &[]).await;

    let (lenient, endpoint) = serving(LENIENT).await;
    let (mut client, mut at_endpoint) = lenient.tunnel(&endpoint).await;
    for frame in [Frame::text("masked"), Frame::new(Opcode::Ping, "there?"), Frame::text(&"long".repeat(50_000))] {
        at_endpoint.send(frame.by_client()).await;
        let bytes = frame.by_client();
        assert!(client.bytes(bytes.len()).await == bytes, "as it came");
    }
    speak(&mut client, &mut at_endpoint).await;
    at_endpoint.send(Frame::close(1000, "done").by_client()).await;
    assert_eq!(client.frame().await, Frame::close(1000, "done"));
    client.send(Frame::close(1000, "").by_client()).await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(1000));
    drop((client, at_endpoint));
    needed_once(&lenient, &["masked"]).await;
}

#[tokio::test]
async fn a_frame_of_a_client_without_a_mask_is_refused_on_a_lenient_route_too() {
    let (proxy, endpoint) = serving(LENIENT).await;
    let (mut client, _at_endpoint) = proxy.tunnel(&endpoint).await;
    client.send(Frame::text("bare").by_endpoint()).await;
    assert_eq!(client.frame().await.close_code(), Some(1002));
}

#[tokio::test]
async fn what_obeys_the_rfc_needs_no_leniency() {
    let (proxy, endpoint) = serving(LENIENT).await;
    let (mut client, mut at_endpoint) = proxy.tunnel(&endpoint).await;
    speak(&mut client, &mut at_endpoint).await;
    drop((client, at_endpoint));
    needed_once(&proxy, &[]).await;
}
