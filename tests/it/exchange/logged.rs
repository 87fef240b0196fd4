//! One line about each exchange, when it ends.

use serde_json::Value;

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, log};

#[tokio::test]
async fn an_exchange_is_a_line() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let head = "POST /whole?token=hush HTTP/1.1\r\nHost: a.example:1\r\nCookie: s=hush\r\nAuthorization: hush";
    client.send(format!("{head}\r\nContent-Length: 5\r\n\r\nhello")).await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("hello").await;
    stream.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").await;
    let line = lines.about("/whole").await;
    assert_eq!(line["message"], "exchange");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["listener"], "public");
    assert_eq!(line["route"], "chat");
    assert_eq!(line["endpoint"], endpoint.address().to_string());
    assert_eq!(line["method"], "POST");
    assert_eq!(line["host"], "a.example:1");
    assert_eq!(line["status"], 201);
    assert_eq!(line["outcome"], "complete");
    assert_eq!(line["bytes_from_client"], 5);
    assert_eq!(line["bytes_from_upstream"], 2);
    assert!(line["took_ms"].is_u64() && line.get("upgrade").is_none());
    assert!(!lines.text().contains("hush"));
}

#[tokio::test]
async fn an_answer_to_an_upgrade_is_a_line_too() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let upgrade = "GET /refused-upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut stream = endpoint.accept_after(&mut client, upgrade).await;
    stream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let line = lines.about("/refused-upgrade").await;
    assert_eq!((&line["status"], &line["outcome"]), (&403.into(), &"complete".into()));
    assert_eq!((&line["upgrade"], &line["bytes_from_upstream"]), (&"websocket".into(), &2.into()));
}

#[tokio::test]
async fn a_refusal_is_a_line_and_no_other() {
    let mut lines = log::lines();
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]));
    let mut client = proxy.connect().await;
    client.send("GET /unreachable HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.head().await;
    let line = lines.about("/unreachable").await;
    assert_eq!((&line["message"], &line["refusal"]), (&"refused".into(), &"connect_failed".into()));
    assert_eq!(lines.text().matches("/unreachable").count(), 1);
}

#[tokio::test]
async fn one_client_that_is_refused_again_and_again_writes_a_few_lines_and_their_number() {
    let mut lines = log::lines();
    let config = in_front_of(&[Endpoint::nobody()]).with("route.chat.hosts", "[\"a\"]");
    let proxy = Proxy::serving(&config.with("listener.summed.bind", "\"127.0.0.1:0\""));
    let mut client = proxy.connect_to("summed").await;
    let longest = "x".repeat(8000);
    for _ in 0..10 {
        client.send(format!("GET /{longest} HTTP/1.1\r\nHost: b\r\n\r\n").repeat(10)).await;
        for _ in 0..10 {
            assert!(client.answer().await.0.text.starts_with("HTTP/1.1 404 "));
        }
    }

    let refused = |line: &&Value| line["message"] == "refused" && line["listener"] == "summed";
    let told = |line: &Value| line.get("times").map_or(1, |times| times.as_u64().unwrap());
    let lines = lines.until(|lines| lines.iter().filter(refused).map(told).sum::<u64>() == 100).await;
    let about: Vec<_> = lines.iter().filter(refused).collect();
    let sums = about.iter().filter(|line| line.get("times").is_some()).count();
    // Under load, it may take more than one second, and so more than one sum.
    assert!(sums > 0 && about.len() <= 11 * sums + 10, "{about:#?}");
    assert!(about.iter().all(|line| line["refusal"] == "no_route" && line["client"] == "127.0.0.1"));
    assert!(about.iter().all(|line| line.to_string().len() < 2000), "what a client writes does not fill the log");
}

#[tokio::test]
async fn an_exchange_that_is_cut_says_who_did() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("listener.public.body_timeout", "\"300ms\""));
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi";

    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET /lost HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send(half).await;
    client.head().await;
    drop(stream);
    let line = lines.about("/lost").await;
    assert_eq!((&line["outcome"], &line["status"]), (&"endpoint_lost".into(), &200.into()));
    assert_eq!(line["bytes_from_upstream"], 2);

    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET /left HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send(half).await;
    client.head().await;
    client.vanish();
    assert_eq!(lines.about("/left").await["outcome"], "client_left");

    let mut client = proxy.connect().await;
    let _stream = endpoint.accept_after(&mut client, "GET /left-early HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.vanish();
    let line = lines.about("/left-early").await;
    assert_eq!((&line["outcome"], line.get("status")), (&"client_left".into(), None));

    let mut client = proxy.connect().await;
    let request = "POST /stalled HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let mut stream = endpoint.accept_after(&mut client, request).await;
    stream.send(half).await;
    assert_eq!(lines.about("/stalled").await["outcome"], "client_stalled");
}

#[tokio::test]
async fn a_dead_endpoint_is_said_when_it_dies_and_when_it_is_back() {
    let mut lines = log::lines();
    let dead = Endpoint::nobody();
    let proxy = Proxy::serving(&in_front_of(&[dead]));
    let about = move |line: &&Value| line["endpoint"] == dead.to_string() && line["level"] == "WARN";
    for _ in 0..50 {
        let mut client = proxy.connect().await;
        client.send("GET /dead HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.answer().await.0.text.starts_with("HTTP/1.1 502 "));
    }
    let listener = tokio::net::TcpListener::bind(dead).await.unwrap();
    let mut client = proxy.connect().await;
    client.send("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n").await;
    listener.accept().await.unwrap();

    let again = |line: &Value| line["message"] == "an endpoint can be reached again";
    let lines = lines.until(|lines| lines.iter().filter(about).any(again)).await;
    let said: Vec<_> = lines.iter().filter(about).collect();
    // Under load, ten seconds may pass, and it is said once more.
    assert!(said.len() <= 4, "{said:#?}");
    assert_eq!((&said[0]["upstream"], &said[0]["failed"]), (&"chat".into(), &1.into()));
    assert_eq!(said.last().unwrap()["failed"], 50);
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_said_once() {
    let mut lines = log::lines();
    let listeners = ["stranger", "alike", "trusting"];
    let config = listeners.iter().fold(in_front_of(&[Endpoint::nobody()]), |config, name| {
        config.with(&format!("listener.{name}.bind"), "\"127.0.0.1:0\"")
    });
    let proxy = Proxy::serving(&config.with("listener.trusting.trusted_proxies", "[\"127.0.0.1\"]"));
    for _ in 0..3 {
        for (listener, header) in [
            ("stranger", "X-Forwarded-For: 192.0.2.1"),
            ("alike", "Forwarded: for=192.0.2.1"),
            ("trusting", "X-Forwarded-For: 192.0.2.1"),
        ] {
            let mut client = proxy.connect_to(listener).await;
            client.send(format!("GET /forwarded HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n")).await;
            client.answer().await;
        }
    }
    let is_hint =
        |line: &&Value| line["message"].as_str().is_some_and(|text| text.contains("outside of trusted_proxies"));
    let refused = |name: &str, lines: &[Value]| {
        lines.iter().filter(|line| line["message"] == "refused" && line["listener"] == name).count() == 3
    };
    let lines = lines.until(|lines| listeners.iter().all(|name| refused(name, lines))).await;
    let hints = |name: &str| lines.iter().filter(is_hint).filter(|line| line["listener"] == name).count();
    assert_eq!([hints("stranger"), hints("alike"), hints("trusting")], [1, 1, 0]);
}

#[tokio::test]
async fn a_refusal_for_one_of_many_mistakes_says_which() {
    let mut lines = log::lines();
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]));
    for (path, headers, refusal, detail) in [
        ("/two-hosts", "Host: a\r\nHost: b\r\n", "several_hosts", "there is more than one Host header"),
        (
            "/no-key",
            "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            "bad_handshake",
            "Sec-WebSocket-Key",
        ),
    ] {
        let mut client = proxy.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await;
        let line = lines.about(path).await;
        assert_eq!(line["refusal"], refusal);
        assert!(line["detail"].as_str().unwrap().contains(detail), "{line}");
    }
}
