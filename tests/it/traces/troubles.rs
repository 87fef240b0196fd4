//! Collectors that are busy, gone or silent, and the end of the process.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::collector::{Collector, serve, traced};
use crate::rig::{Config, Endpoint, Frame, Program, Proxy, assert_carries, log, until};

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_when_it_says_and_has_everything() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "Bearer hush\n").unwrap();
    collector.refuse(503, &[("retry-after", "1")]);
    let config = traced(Config::chat([endpoint.address()]), collector.address())
        .with("traces.headers", "{ x-scope-orgid = \"chat\" }")
        .with("traces.secret_headers", &format!("{{ authorization = \"{}\" }}", secret.path().display()));
    let proxy = Proxy::serving(&config);
    let _ends = proxy.tunnel(&endpoint).await;
    collector.spans("GET chat", 1).await;
    until("they are counted", || proxy.count("spans_total{result=\"exported\"}") >= 4).await;
    let taken = collector.taken.lock().unwrap();
    let (path, headers) = &taken.heads[1];
    assert_eq!((path.as_str(), &headers["authorization"]), ("/v1/traces", &"Bearer hush".parse().unwrap()));
    assert_eq!(
        (&headers["x-scope-orgid"], &headers["content-type"]),
        (&"chat".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert_eq!(proxy.count("spans_total{result=\"no_answer\"}"), 0);
}

#[tokio::test]
async fn what_a_collector_will_never_take_is_counted_and_said_once() {
    let mut lines = log::lines();
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    collector.refuse(404, &[]);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    let _ends = proxy.tunnel(&endpoint).await;
    until("they are lost", || proxy.count("spans_total{result=\"refused\"}") >= 4).await;
    let url = format!("http://{}/v1/traces", collector.address());
    let told = lines.until(|lines| lines.iter().any(|line| line["endpoint"] == *url)).await;
    let line = told.iter().find(|line| line["endpoint"] == *url).unwrap();
    assert!(line["hint"].as_str().unwrap().contains("/v1/traces"), "{line}");
    let _others = proxy.tunnel(&endpoint).await;
    let again = |line: &serde_json::Value| line["endpoint"] == *url && line["message"] == "spans are exported again";
    lines.until(|lines| lines.iter().any(again)).await;
}

#[tokio::test]
async fn what_is_taken_in_part_is_said_once_with_its_reason_however_often() {
    let mut lines = log::lines();
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let partly = r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#;
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    for (count, answer) in [(2, partly), (2, "{}"), (4, partly)] {
        collector.answer(answer);
        let asked = collector.taken.lock().unwrap().heads.len();
        let _ends = proxy.tunnel(&endpoint).await;
        until("they are taken", || collector.taken.lock().unwrap().heads.len() > asked).await;
        until("they are counted", || proxy.count("spans_total{result=\"refused\"}") >= count).await;
    }
    let url = format!("http://{}/v1/traces", collector.address());
    let told = lines.until(|lines| lines.iter().any(|line| line["endpoint"] == *url)).await;
    let told: Vec<_> = told.iter().filter(|line| line["endpoint"] == *url).collect();
    let [line] = told[..] else { panic!("{told:?}") };
    assert_eq!((&line["why"], &line["refused"], &line["level"]), (&"too old".into(), &2.into(), &"WARN".into()));
}

#[tokio::test]
async fn what_is_taken_is_not_sent_again_because_the_answer_breaks() {
    let (collector, endpoint) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), collector.address()));
    let _ends = proxy.tunnel(&endpoint).await;
    let (mut asked, head) = collector.asked().await;
    asked.bytes(head.value("content-length").unwrap().parse().unwrap()).await;
    asked.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    drop(asked);
    let taken = || proxy.count("spans_total{result=\"exported\"}") == 5;
    collector.is_untouched_until(until("they are counted", taken)).await;
}

#[tokio::test]
async fn of_another_collector_is_said_what_was_said_of_the_one_before() {
    let mut lines = log::lines();
    let (before, after, endpoint) = (Collector::start().await, Collector::start().await, Endpoint::listen().await);
    before.refuse(503, &[("retry-after", "100")]);
    after.refuse(503, &[]);
    let config = Config::chat([endpoint.address()]);
    let mut proxy = Proxy::serving(&traced(config.clone(), before.address()));
    let _ends = proxy.tunnel(&endpoint).await;
    let is_of = |line: &serde_json::Value, collector: &Collector| {
        line["endpoint"] == format!("http://{}/v1/traces", collector.address()) && line["level"] == "WARN"
    };
    lines.until(|lines| lines.iter().any(|line| is_of(line, &before))).await;
    proxy.reload(&traced(config, after.address())).unwrap();
    lines.until(|lines| lines.iter().any(|line| is_of(line, &after))).await;
    after.spans("GET chat", 1).await;
}

#[tokio::test]
async fn nothing_is_kept_of_a_collector_once_it_has_what_waited_and_traces_are_off() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let config = Config::chat([endpoint.address()]);
    let mut proxy = Proxy::serving(&traced(config.clone(), collector.address()));
    let _ends = proxy.tunnel(&endpoint).await;
    let kept = Arc::downgrade(proxy.running.proxy().snapshot().collector.as_ref().unwrap());
    proxy.reload(&config).unwrap();
    collector.spans("GET chat", 1).await;
    let is_forgotten = || {
        // What is served no more is let go of by the next reload here.
        proxy.reload(&config).unwrap();
        kept.strong_count() == 0
    };
    until("it is forgotten", is_forgotten).await;
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_says_nothing_and_what_finds_no_room_is_counted() {
    let mut lines = log::lines();
    let (silent, endpoint) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Endpoint::listen().await);
    let config = traced(Config::chat([endpoint.address()]), silent.local_addr().unwrap())
        .with("route.own.path", "\"/own\"")
        .with("route.own.respond", "{ status = 204 }");
    let proxy = Proxy::serving(&config);
    let (mut client, mut at_endpoint) = proxy.tunnel(&endpoint).await;
    let mut asking = proxy.connect().await;
    let request = "GET /own HTTP/1.1\r\nHost: chat.test\r\n\r\n";
    for _ in 0..2000 {
        asking.send(request).await;
        assert_eq!(asking.head().await.status(), 204);
    }
    let lost = proxy.count("spans_total{result=\"queue_full\"}");
    assert!(lost > 0);
    assert_carries(&mut client, &mut at_endpoint).await;
    // It hangs up, and then it takes them: who looks for spans that are not there reads how many.
    let url = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    drop(silent.accept().await.unwrap());
    let _serving = tokio::spawn(async move {
        while let Ok((stream, _)) = silent.accept().await {
            serve(stream, Arc::default()).await;
        }
    });
    let is_again = |line: &serde_json::Value| line["endpoint"] == *url && line["message"] == "spans are exported again";
    let told = lines.until(|lines| lines.iter().any(is_again)).await;
    assert_eq!(told.iter().find(|line| is_again(line)).unwrap()["lost"], lost);
}

#[tokio::test]
async fn who_waits_no_longer_for_the_last_spans_ends_what_was_waited_for() {
    let mut lines = log::lines();
    let (silent, endpoint) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Endpoint::listen().await);
    let proxy = Proxy::serving(&traced(Config::chat([endpoint.address()]), silent.local_addr().unwrap()));
    let ends = proxy.tunnel(&endpoint).await;
    let _asked = silent.accept().await.unwrap();
    let lost = || proxy.count("spans_total{result=\"stopped\"}");
    let flush = |millis| proxy.running.proxy().flush_traces(Duration::from_millis(millis));
    assert!(timeout(Duration::from_millis(50), flush(60_000)).await.is_err());
    assert_eq!(lost(), 0, "they are on their way");
    flush(50).await;
    assert_eq!(lost(), 5);
    let url = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let told = lines.until(|lines| lines.iter().any(|line| line["endpoint"] == *url)).await;
    let line = told.iter().find(|line| line["endpoint"] == *url).unwrap();
    assert_eq!((&line["lost"], &line["level"]), (&5.into(), &"WARN".into()), "{line}");
    // Nothing is exported any more: that there is no room is not why.
    drop(ends);
    until("the end of the tunnel is lost", || lost() == 6).await;
    assert_eq!(proxy.count("spans_total{result=\"queue_full\"}"), 0);
}

#[tokio::test]
async fn tunnels_that_end_with_the_process_have_their_span_still() {
    let (collector, endpoint) = (Collector::start().await, Endpoint::listen().await);
    let config = traced(Config::chat([endpoint.address()]), collector.address())
        .with("drain.stop.deadline", "\"1s\"")
        .with("drain.stop.spread", "\"100ms\"");
    let mut program = Program::serving(&config).await;
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;
    program.signal(Signal::TERM);
    client.frame().await;
    client.send(Frame::close(1001, "").by_client()).await;
    at_endpoint.frame().await;
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
    assert!(program.exit().await.success());
    let spans = collector.taken.lock().unwrap().spans.clone();
    assert!(spans.iter().any(|span| span["name"] == "tunnel ended chat"), "{spans:?}");
}
