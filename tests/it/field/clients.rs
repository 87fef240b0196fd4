//! Clients.

use std::time::Duration;

use windlass::config::ListenerName;

use crate::rig::{Config, Endpoint, Handshake, Proxy};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Requests that are written as few write them, and the first line and the Host of what the endpoint reads.
#[tokio::test]
async fn a_request_may_be_written_in_odd_ways() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    for (request, line, host) in [
        // A CRLF too many behind a form, of old browsers (RFC 9112 §2.2).
        ("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1", "a"),
        ("GET /a HTTP/1.1\r\nHOST:\t a \t\r\nX-Empty:\r\n\r\n", "GET /a HTTP/1.1", "a"),
        ("GET /a?b=c?d&e=/../f HTTP/1.1\r\nhost:a:80\r\n\r\n", "GET /a?b=c?d&e=/../f HTTP/1.1", "a:80"),
        ("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b HTTP/1.1", "a"),
        ("get /a HTTP/1.1\r\nHost: a\r\n\r\n", "get /a HTTP/1.1", "a"),
        ("PROPFIND /dav HTTP/1.1\r\nHost: a\r\nDepth: 1\r\n\r\n", "PROPFIND /dav HTTP/1.1", "a"),
        ("GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, , Keep-Alive\r\n\r\n", "GET /a HTTP/1.1", "a"),
        ("GET /a HTTP/1.1\r\nHost: a\r\nX-Latin: caf\u{e9}\r\n\r\n", "GET /a HTTP/1.1", "a"),
    ] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        assert_eq!((head.first_line(), head.values("host")), (line, vec![host]), "{request:?}");
        at_endpoint.send(OK).await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), body.as_str()), (200, "ok"), "{request:?}");
    }
}

/// ApacheBench, BusyBox and health checks.
#[tokio::test]
async fn a_client_of_http_1_0_may_keep_its_connection_or_let_it_end() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("workers", "1"));
    let mut kept = proxy.connect().await;
    for _ in 0..2 {
        kept.send("GET /k HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n").await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        let (head, body) = kept.answer().await;
        assert_eq!(
            (head.value("connection").map(str::to_lowercase).as_deref(), body.as_str()),
            (Some("keep-alive"), "ok")
        );
    }
    let mut plain = proxy.connect().await;
    plain.send("GET /p HTTP/1.0\r\n\r\n").await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    // It knows no chunks: what has no length ends with the connection.
    at_endpoint.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    assert!(plain.head().await.value("transfer-encoding").is_none());
    assert_eq!(plain.rest().await, b"ok");
}

/// A proxy in front that writes `Upgrade: websocket` on all of a site.
#[tokio::test]
async fn a_page_and_a_form_that_ask_for_an_upgrade_are_served_as_such() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    const ASKING: &str = "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    for (request, body) in [
        (format!("GET /page HTTP/1.1\r\n{ASKING}\r\n"), ""),
        (format!("POST /api HTTP/1.1\r\n{ASKING}Content-Length: 2\r\n\r\nhi"), "hi"),
    ] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.hears(body).await;
        at_endpoint.send(OK).await;
        assert_eq!(client.answer().await.0.status(), 200);
    }
}

/// `echo x | docker run -i … sh -c 'cat; sleep 7; echo done'`.
#[tokio::test]
async fn the_output_of_a_command_comes_after_its_input_has_ended() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.upgrade", "[\"tcp\"]");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client
        .send(
            "POST /containers/1/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\
             Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        )
        .await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 101);
    client.send("x").await;
    client.finish().await;
    assert_eq!(at_endpoint.rest().await, b"x");
    at_endpoint.send("done").await;
    at_endpoint.finish().await;
    assert_eq!(client.rest().await, b"done");
    // However late it comes.
    assert_eq!(config.settings().routes["chat"].raw_half_close_timeout, None);
}

/// Long polls of SignalR wait for 110 seconds, kernels of Jupyter start for half a minute, balancers rest for a minute.
#[test]
fn the_defaults_are_longer_than_what_is_known_to_wait() {
    let settings = Config::chat([Endpoint::nobody()]).settings();
    let (upstream, listener) = (&settings.upstreams["chat"], &settings.listeners[&ListenerName::from("public")]);
    assert!(upstream.response_timeout > Duration::from_secs(110));
    assert!(upstream.handshake_timeout > Duration::from_secs(30));
    assert!(listener.rest_timeout > Duration::from_secs(60));
    // And no longer than what slow heads are known to hold on for.
    assert!(listener.head_timeout <= Duration::from_secs(10) && listener.proxy_header_timeout <= listener.head_timeout);
}

/// A load balancer in front that keeps connections open, and asks for upgrades over used ones.
#[tokio::test]
async fn an_upgrade_may_come_over_a_connection_that_was_used_for_pages() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204);
    }
    let (mut client, mut at_endpoint) = Proxy::tunnel_over(client, &Handshake::new(), &endpoint).await;
    crate::rig::assert_carries(&mut client, &mut at_endpoint).await;
}
