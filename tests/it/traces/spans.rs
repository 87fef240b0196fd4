//! The spans of handshakes, refusals, exchanges and ends, and what endpoints read.

use std::time::Duration;

use serde_json::Value;

use super::collector::{Collector, said, traced};
use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, Wire, log};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A tunnel that says one message and is closed with 1000.
async fn talk_and_close((mut client, mut at_endpoint): (Wire, Wire)) {
    client.send(Frame::text("hello").by_client()).await;
    at_endpoint.frame().await;
    client.send(Frame::close(1000, "").by_client()).await;
    at_endpoint.frame().await;
    at_endpoint.send(Frame::close(1000, "").by_endpoint()).await;
    client.frame().await;
}

#[tokio::test]
async fn a_tunnel_of_a_trace_has_a_span_for_its_handshake_and_one_for_its_end() {
    let mut lines = log::lines();
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let config = traced(Config::chat([endpoint.address()]), collector.address()).with("traces.parent", "\"follow\"");
    let proxy = Proxy::serving(&config);
    let handshake = Handshake::new()
        .request("GET /traced-tunnel?token=hush HTTP/1.1")
        .with("traceparent", SAMPLED)
        .with("tracestate", "a=b");
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(client.head().await.status(), 101);
    talk_and_close((client, at_endpoint)).await;

    let span = &collector.spans("GET chat", 1).await[0];
    let text = |span: &Value, key: &str| span[key].as_str().unwrap().to_owned();
    assert_eq!((text(span, "traceId"), text(span, "parentSpanId")), (TRACE.into(), "00f067aa0ba902b7".into()));
    // The endpoint's span is below that of our call, and that below ours.
    let call = &collector.spans("GET", 1).await[0];
    assert_eq!((text(call, "traceId"), text(call, "parentSpanId")), (TRACE.into(), text(span, "spanId")));
    let told = format!("00-{TRACE}-{}-01", text(call, "spanId"));
    assert_eq!((head.values("traceparent"), head.values("tracestate")), (vec![told.as_str()], vec!["a=b"]));
    let address = endpoint.address();
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "101"),
        ("server.address", &address.ip().to_string()),
        ("server.port", &address.port().to_string()),
        ("windlass.endpoint", "a"),
    ] {
        assert_eq!(said(call, key), value, "{call}");
    }
    assert_eq!((&call["kind"], call.get("status")), (&3.into(), None));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/traced-tunnel"),
        ("http.response.status_code", "101"),
        ("windlass.route", "chat"),
        ("windlass.upstream", "chat"),
        ("windlass.endpoint", "a"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(said(span, key), value, "{span}");
    }
    assert!(!span.to_string().contains("hush"));
    for (part, parent) in [("connect", call), ("answer", call), ("authorize", span)] {
        let part = &collector.spans(part, 1).await[0];
        assert_eq!((text(part, "traceId"), text(part, "parentSpanId")), (TRACE.into(), text(parent, "spanId")));
        assert_eq!(part["kind"], 1);
        assert!(text(part, "startTimeUnixNano") >= text(span, "startTimeUnixNano"));
        assert!(text(part, "endTimeUnixNano") <= text(span, "endTimeUnixNano"));
    }

    let end = &collector.spans("tunnel ended chat", 1).await[0];
    assert_ne!(text(end, "traceId"), TRACE, "one of days is put together by nobody");
    assert_eq!((&end["links"][0]["traceId"], &end["links"][0]["spanId"]), (&span["traceId"], &span["spanId"]));
    assert_eq!(said(end, "windlass.tunnel"), said(span, "windlass.tunnel"));
    for (key, value) in [
        ("windlass.messages_from_client", "1"),
        ("windlass.bytes_from_client", "19"),
        ("windlass.code", "1000"),
        ("windlass.ended_by", "client"),
    ] {
        assert_eq!(said(end, key), value, "{end}");
    }
    let line = lines.about("/traced-tunnel").await;
    assert_eq!((&line["message"], &line["trace_id"]), (&"tunnel ended".into(), &TRACE.into()));
}

#[tokio::test]
async fn strangers_have_no_say_and_a_trusted_proxy_has() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let config = traced(Config::chat([endpoint.address()]), collector.address())
        .with("listener.trusting.bind", "\"127.0.0.1:0\"")
        .with("listener.trusting.trusted_proxies", "[\"127.0.0.1\"]")
        .with("traces.sample", "\"off\"");
    let proxy = Proxy::serving(&config);
    for (listener, is_followed) in [("public", false), ("trusting", true)] {
        let mut client = proxy.connect_to(listener).await;
        let handshake = Handshake::new().with("traceparent", SAMPLED).with("tracestate", "a=b");
        client.send(handshake.bytes()).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        at_endpoint.send(Handshake::grant(&head)).await;
        client.head().await;
        let [told] = head.values("traceparent")[..] else { panic!("{head:?}") };
        assert_eq!((told.contains(TRACE), told.ends_with("-01")), (is_followed, is_followed), "{told}");
        assert_eq!(head.values("tracestate").len(), usize::from(is_followed));
    }
    collector.spans("GET chat", 1).await;
    assert_eq!(collector.taken.lock().unwrap().spans.iter().filter(|span| span["name"] == "GET chat").count(), 1);
}

#[tokio::test]
async fn a_trace_that_nobody_takes_goes_on_as_it_came() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let config = traced(Config::chat([endpoint.address()]), collector.address()).with("traces.parent", "\"follow\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().with("traceparent", UNSAMPLED).with("connection", "traceparent").bytes()).await;
    let (_at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("traceparent"), [UNSAMPLED]);
}

#[tokio::test]
async fn without_traces_nothing_is_said_to_endpoints_that_the_client_has_not() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    for (handshake, told) in [
        (Handshake::new(), vec![]),
        (Handshake::new().with("traceparent", "nonsense").with("tracestate", "a=b"), vec!["nonsense"]),
    ] {
        let mut client = proxy.connect().await;
        client.send(handshake.bytes()).await;
        let (_at_endpoint, head) = endpoint.asked().await;
        assert_eq!(head.values("traceparent"), told);
        assert_eq!(head.values("tracestate").len(), told.len());
    }
}

#[tokio::test]
async fn a_refusal_and_an_exchange_have_a_span_that_says_what_became_of_them() {
    let mut lines = log::lines();
    let (collector, nobody) = (Collector::start().await, Endpoint::nobody());
    let config = traced(Config::chat([nobody]), collector.address())
        .with("route.chat.max_body", "\"8B\"")
        .with("route.own.path", "\"/traced-own\"")
        .with("route.own.respond", "{ status = 503, body = \"own\" }");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().request("GET /traced-refusal HTTP/1.1").bytes()).await;
    assert_eq!(client.answer().await.0.status(), 502);
    let span = &collector.spans("GET chat", 1).await[0];
    assert_eq!((said(span, "windlass.refusal"), said(span, "http.response.status_code")), ("connect_failed", "502"));
    assert_eq!(span["status"]["code"], 2);
    assert!(span["status"]["message"].as_str().unwrap().starts_with("endpoint a: "), "{span}");
    assert_eq!((said(span, "error.type"), said(span, "windlass.fault")), ("connect_failed", "upstream"));
    assert_eq!(span["events"][0]["name"], "endpoint failed");
    let call = &collector.spans("GET", 1).await[0];
    assert_eq!((said(call, "error.type"), &call["status"]["code"]), ("connect_failed", &2.into()));
    let line = lines.about("/traced-refusal").await;
    assert_eq!(line["trace_id"], span["traceId"]);

    // What the client has done wrong is no error of ours.
    let mut client = proxy.connect().await;
    client.send("PUT /traced-mistake HTTP/1.1\r\nHost: chat.test\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 413);
    let span = &collector.spans("PUT chat", 1).await[0];
    assert_eq!((said(span, "http.response.status_code"), span.get("status")), ("413", None), "{span}");
    assert!(!said(span, "windlass.refusal").is_empty() && !said(span, "windlass.detail").is_empty());
    assert!(!span.to_string().contains("error.type"), "{span}");

    let mut client = proxy.connect().await;
    client.send("DELETE /traced-own HTTP/1.1\r\nHost: chat.example.com\r\n\r\n").await;
    client.answer().await;
    let span = &collector.spans("DELETE own", 1).await[0];
    assert_eq!((said(span, "windlass.outcome"), said(span, "server.address")), ("answered", "chat.example.com"));
    assert_eq!((said(span, "error.type"), &span["status"]["code"]), ("503", &2.into()));
    assert_eq!(lines.about("/traced-own").await["trace_id"], span["traceId"]);
}

#[tokio::test]
async fn an_endpoint_reads_of_the_call_of_an_exchange_too() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    let mut client = proxy.connect().await;
    client.send("GET /asked HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    client.answer().await;
    let (span, call) = (&collector.spans("GET chat", 1).await[0], &collector.spans("GET", 1).await[0]);
    let told = format!("00-{}-{}-01", span["traceId"].as_str().unwrap(), call["spanId"].as_str().unwrap());
    assert_eq!((head.values("traceparent"), &call["parentSpanId"]), (vec![told.as_str()], &span["spanId"]));
    // Whoever asks has made a mistake, and whoever was asked has made none.
    assert_eq!((said(call, "error.type"), &call["status"]["code"], span.get("status")), ("404", &2.into(), None));
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_has_a_span() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let _asked = endpoint.asked().await;
    drop(client);
    let (span, call) = (&collector.spans("GET chat", 1).await[0], &collector.spans("GET", 1).await[0]);
    assert_eq!((said(span, "windlass.outcome"), span.get("status")), ("client_left", None), "{span}");
    assert_eq!((&call["parentSpanId"], call.get("status")), (&span["spanId"], None));
}

#[tokio::test]
async fn a_reload_moves_the_traces_and_closes_no_tunnel() {
    let (before, after, endpoint) = (Collector::start().await, Collector::start().await, Endpoint::listen().await);
    let config = Config::chat([endpoint.address()]);
    let mut proxy = Proxy::serving(&traced(config.clone(), before.address()));
    let ends = proxy.tunnel(&endpoint).await;
    before.spans("GET chat", 1).await;
    assert!(proxy.reload(&traced(config.clone(), before.address())).unwrap().diff.is_empty());
    let reloaded = proxy.reload(&traced(config.clone(), after.address())).unwrap();
    let changes: Vec<_> = reloaded.diff.changes.iter().map(ToString::to_string).collect();
    assert!(changes.len() == 1 && changes[0].starts_with("traces changed: endpoint"), "{changes:?}");
    assert_eq!(proxy.open(), 1);
    talk_and_close(ends).await;
    after.spans("tunnel ended chat", 1).await;
    let ends = proxy.tunnel(&endpoint).await;
    proxy.reload(&config).unwrap();
    talk_and_close(ends).await;
    proxy.is_empty().await;
    proxy.running.proxy().flush_traces(Duration::from_secs(5)).await;
    assert_eq!(after.spans("tunnel ended chat", 1).await.len(), 1, "no more are taken");
    // Of the two handshakes and the end between them, nothing is lost on the way.
    let taken = before.taken.lock().unwrap().spans.len() + after.taken.lock().unwrap().spans.len();
    assert_eq!(proxy.count("spans_total{result=\"exported\"}"), u32::try_from(taken).unwrap());
    for lost in ["queue_full", "refused", "no_answer", "stopped"] {
        assert_eq!(proxy.count(&format!("spans_total{{result=\"{lost}\"}}")), 0, "{lost}");
    }
    assert_eq!(taken, 11, "of either handshake five");
}
