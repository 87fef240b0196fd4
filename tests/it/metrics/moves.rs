//! Each event moves its metric, and nothing else does.

use rcgen::PKCS_ECDSA_P256_SHA256;

use super::{is_at, samples, value};
use crate::operate::metrics::scrape;
use crate::rig::{Config, Endpoint, Frame, Handshake, Program, Proxy, Wire, assert_carries, until_async};
use crate::tls_proxy::{Certificates, Client};

/// Ends a tunnel by a Close of the client's, which the endpoint answers.
async fn closed(mut client: Wire, mut at_endpoint: Wire, code: u16) {
    client.send(Frame::close(code, "").by_client()).await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(code));
    at_endpoint.send(Frame::close(code, "").by_endpoint()).await;
    assert_eq!(client.frame().await.close_code(), Some(code));
}

#[tokio::test]
async fn metrics_of_tunnels_move_when_one_opens_and_when_it_ends() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let opened = r#"windlass_tunnels_opened_total{route="chat",protocol="http/1.1"}"#;
    let open = r#"windlass_listener_tunnels_open{route="chat",listener="public",protocol="http/1.1"}"#;
    let ended = r#"windlass_tunnels_ended_total{route="chat",outcome="closed",by="client",code="1001"}"#;
    assert_eq!([opened, open, ended].map(|series| value(&proxy, series)), [0.0, 0.0, 0.0]);

    let (client, at_endpoint) = proxy.tunnel(&endpoint).await;
    is_at(&proxy, opened, 1.0).await;
    is_at(&proxy, open, 1.0).await;
    closed(client, at_endpoint, 1001).await;

    is_at(&proxy, ended, 1.0).await;
    is_at(&proxy, open, 0.0).await;
    for (histogram, border) in [("tunnel_duration_seconds", "29.0"), ("tunnel_quiet_seconds", "15.0")] {
        is_at(&proxy, &format!("windlass_{histogram}_count{{route=\"chat\"}}"), 1.0).await;
        is_at(&proxy, &format!("windlass_{histogram}_bucket{{le=\"{border}\",route=\"chat\"}}"), 1.0).await;
    }
}

#[tokio::test]
async fn metric_reconnections_moves_when_somebody_comes_back_and_says_how_it_had_left() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"chat\"");
    let proxy = Proxy::serving(&config);
    let of = |user: &str| Handshake::new().with("x-user", user);
    let back =
        || samples(&proxy).iter().filter(|(name, _)| name.contains("reconnections")).map(|(_, it)| it).sum::<f64>();

    let (client, at_endpoint) = proxy.tunnel_with(&of("ada"), &endpoint).await;
    closed(client, at_endpoint, 1000).await;
    let (client, at_endpoint) = proxy.tunnel_with(&of("bob"), &endpoint).await;
    drop(client);
    drop(at_endpoint);
    proxy.is_empty().await;
    let _new = proxy.tunnel_with(&of("eve"), &endpoint).await;
    let _elsewhere = proxy.tunnel_with(&of("ada").request("GET /other HTTP/1.1"), &endpoint).await;
    assert_eq!(back(), 0.0, "neither who is new, nor who comes to another route, comes back");

    let _ada = proxy.tunnel_with(&of("ada"), &endpoint).await;
    is_at(&proxy, r#"windlass_reconnections_total{route="chat",after="closed"}"#, 1.0).await;
    let _bob = proxy.tunnel_with(&of("bob"), &endpoint).await;
    let _again = proxy.tunnel_with(&of("bob"), &endpoint).await;
    assert_eq!(back(), 2.0, "one for each ending");
    let lost = ["gone", "broken"]
        .map(|how| value(&proxy, &format!("windlass_reconnections_total{{route=\"chat\",after=\"{how}\"}}")));
    assert_eq!(lost.iter().sum::<f64>(), 1.0, "a client that vanishes has said no goodbye");
}

#[tokio::test]
async fn metric_handshake_seconds_moves_by_the_phases_that_took_place() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let config = certificates
        .before(&endpoint, &["site"])
        .with("listener.plain.bind", "\"127.0.0.1:0\"")
        .with("upstream.chat.handshakes_at_once", "1");
    let proxy = Proxy::serving(&config);
    let counts = |proxy: &Proxy| {
        ["tls", "authorize", "waiting", "connect", "answer", "total"]
            .map(|phase| value(proxy, &format!("windlass_handshake_seconds_count{{phase=\"{phase}\"}}")))
    };
    assert_eq!(counts(&proxy), [0.0; 6]);
    Client::trusting([&pem]).tunnel(&proxy, "chat.test", &endpoint).await;
    assert_eq!(counts(&proxy), [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let _plain = proxy.tunnel_at("plain", &endpoint).await;
    assert_eq!(counts(&proxy), [1.0, 2.0, 0.0, 2.0, 2.0, 2.0]);

    // One has the only turn, and the other waits for it.
    let (mut first, mut second) = (proxy.connect_to("plain").await, proxy.connect_to("plain").await);
    first.send(Handshake::new().bytes()).await;
    let (mut with_first, asked) = endpoint.asked().await;
    second.send(Handshake::new().bytes()).await;
    let snapshot = proxy.running.proxy().snapshot();
    let gate = snapshot.endpoints().next().unwrap().gate().unwrap();
    crate::rig::until("the other one waits", || gate.waiting() == 1).await;
    with_first.send(Handshake::grant(&asked)).await;
    let _with_second = endpoint.grant().await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.head().await.status(), 101);
    }
    assert_eq!(counts(&proxy), [1.0, 4.0, 1.0, 4.0, 4.0, 4.0]);
    assert_eq!(value(&proxy, "windlass_tunnel_opening_seconds_count"), 4.0);
}

#[tokio::test]
async fn metric_route_refusals_moves_by_what_a_refusal_is_about() {
    let (ill, well) = (Endpoint::nobody(), Endpoint::listen().await);
    let folder = crate::rig::Folder::new("");
    let file = folder.write("htpasswd", "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\n");
    let mut config = Config::chat([ill]).endpoints("well", [well.address()]);
    for (route, upstream) in [("chat", "chat"), ("staff", "well"), ("ours", "well"), ("many", "well")] {
        config = config.with(&format!("route.{route}.path"), &format!("\"/{route}\""));
        config = config.with(&format!("route.{route}.upstream"), &format!("\"{upstream}\""));
    }
    let config = config
        .with("route.staff.basic_auth", &format!("{{ file = {file:?}, realm = \"staff\" }}"))
        .with("route.ours.allowed_origins", "[\"https://here.test\"]")
        .with("route.many.max_tunnels", "1");
    let proxy = Proxy::serving(&config);
    let _held = {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().request("GET /many HTTP/1.1").bytes()).await;
        let at_endpoint = well.grant().await;
        assert_eq!(client.head().await.status(), 101);
        (client, at_endpoint)
    };
    let from_elsewhere = Handshake::new().with("origin", "https://elsewhere.test");
    for (route, handshake, kind) in [
        ("staff", Handshake::new(), "authentication"),
        ("ours", from_elsewhere, "access"),
        ("many", Handshake::new(), "limit"),
        ("staff", Handshake::new().without("sec-websocket-key"), "request"),
        ("chat", Handshake::new(), "endpoint"),
    ] {
        let mut client = proxy.connect().await;
        client.send(handshake.request(&format!("GET /{route} HTTP/1.1")).bytes()).await;
        let status = client.answer().await.0.status();
        assert!(status >= 400, "{route}: {status}");
        is_at(&proxy, &format!("windlass_route_refusals_total{{route=\"{route}\",kind=\"{kind}\"}}"), 1.0).await;
    }
    let all = samples(&proxy).iter().filter(|(name, _)| name.contains("route_refusals")).map(|(_, it)| it).sum::<f64>();
    assert_eq!(all, 5.0, "each is of one kind");
}

#[tokio::test]
async fn metrics_of_exchanges_move_when_an_answer_ends() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    for (status, class) in [("200 OK", "2xx"), ("404 Not Found", "4xx")] {
        let mut client = proxy.connect().await;
        client.send("GET /counted HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok")).await;
        client.answer().await;
        let series = format!("windlass_exchanges_total{{route=\"chat\",class=\"{class}\",outcome=\"complete\"}}");
        is_at(&proxy, &series, 1.0).await;
    }
    is_at(&proxy, r#"windlass_exchange_seconds_count{route="chat"}"#, 2.0).await;
    is_at(&proxy, r#"windlass_client_exchanges_total{protocol="http/1.1"}"#, 2.0).await;
}

#[tokio::test]
async fn metrics_of_reloads_endpoints_and_keys_move_in_the_program() {
    let endpoint = Endpoint::listen().await;
    let keys = format!("{{ keys = \"http://{}/keys\" }}", Endpoint::nobody());
    let config = Config::chat([endpoint.address()])
        .with("route.staff.path", "\"/staff\"")
        .with("route.staff.upstream", "\"chat\"")
        .with("route.staff.jwt", &keys)
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let at = async |series: &str| {
        let text = scrape(&windlass).await;
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse::<f64>().ok());
        found.unwrap_or_else(|| panic!("{series} is missing from\n{text}"))
    };
    assert_eq!(at("windlass_reload_last_successful").await, 1.0);
    let began = at("windlass_reload_last_success_timestamp_seconds").await;
    assert_eq!(began, at("windlass_counting_since_seconds").await);
    let fetches = r#"windlass_key_fetches_total{route="staff",result="failed"}"#;
    until_async("a fetch of keys has failed", async || at(fetches).await >= 1.0).await;

    let load = r#"windlass_endpoint_load{upstream="chat",endpoint="a"}"#;
    assert_eq!(at(load).await, 0.0);
    let mut client = Wire::connect(windlass.address()).await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(at(load).await, 1.0);
    assert_carries(&mut client, &mut at_endpoint).await;

    windlass.folder().configure("nonsense = 1");
    assert_eq!(
        windlass
            .ask(&["reload", "--admin", &format!("unix:{}", windlass.folder().socket().display())])
            .await
            .status
            .code(),
        Some(1)
    );
    assert_eq!(at("windlass_reload_last_successful").await, 0.0);
    assert!(at("windlass_reload_last_timestamp_seconds").await >= began);
    assert_eq!(at(r#"windlass_reloads_total{result="refused"}"#).await, 1.0);
}
