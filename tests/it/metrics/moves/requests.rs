//! Metrics of connections and requests: who comes, what is answered, who is turned away.

use crate::metrics::scraped::{Scraped, until_at};
use crate::metrics::{is_at, samples};
use crate::rig::{Config, Endpoint, Folder, Handshake, Program, Proxy};

#[tokio::test]
async fn metric_route_refusals_moves_by_what_a_refusal_is_about() {
    let (ill, well) = (Endpoint::nobody(), Endpoint::listen().await);
    let folder = Folder::new("");
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
async fn metric_sessions_open_is_of_connections_that_are_no_tunnel() {
    const SESSIONS: &str = "windlass_sessions_open";
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    assert_eq!(Scraped::of(&windlass).await.at(SESSIONS), 0.0, "who scrapes is not among them");
    let mut client = windlass.connect().await;
    let silent = windlass.connect().await;
    until_at(&windlass, SESSIONS, |it| it == 2.0).await;
    client.send(Handshake::new().bytes()).await;
    let _at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    until_at(&windlass, SESSIONS, |it| it == 1.0).await;
    drop(silent);
    until_at(&windlass, SESSIONS, |it| it == 0.0).await;
    assert_eq!(Scraped::of(&windlass).await.at(TUNNELS_OF_CHAT), 1.0);
}

const TUNNELS_OF_CHAT: &str = r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a"}"#;

#[tokio::test]
async fn metric_listener_open_comes_with_a_listener_and_goes_with_it() {
    let config = Config::chat([Endpoint::nobody()]).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let public = format!("{{listener=\"public\",address=\"{}\"}}", windlass.address());
    let open = async || Scraped::of(&windlass).await.moved_since(&Scraped::nothing(), "windlass_listener_open");
    assert_eq!(open().await, [(public.clone(), 1.0)]);

    windlass.write(&config.clone().with("listener.second.bind", "\"127.0.0.1:0\""));
    assert!(windlass.ask(&["reload"]).await.status.success());
    let second = format!("{{listener=\"second\",address=\"{}\"}}", windlass.folder().address("second").await);
    assert_eq!(open().await, [(public.clone(), 1.0), (second, 1.0)]);

    windlass.write(&config);
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(open().await, [(public, 1.0)]);
}
