//! Requests that one endpoint has lost are asked again elsewhere, and where too many are lost, they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::rig::{Config, Endpoint, Handshake, Proxy, log};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Reads each request at `endpoint`, and ends its connection; counts them.
pub(crate) fn losing(endpoint: Endpoint) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            drop(endpoint.asked().await);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    asked
}

/// Two endpoints that lose everything, however much they lose, and how often they were asked.
async fn two_that_lose(budget: &str) -> (Proxy, [Arc<AtomicUsize>; 2]) {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = Config::chat([one.address(), two.address()])
        .with("upstream.chat.eject", "\"off\"")
        .with("upstream.chat.retry_budget", budget);
    (Proxy::serving(&config), [losing(one), losing(two)])
}

/// Sends a request so often, and has 502 each time; whether it is told by how many requests the endpoints read.
async fn ask(proxy: &Proxy, request: impl AsRef<[u8]>, times: usize) {
    for _ in 0..times {
        let mut client = proxy.connect().await;
        client.send(&request).await;
        assert_eq!(client.head().await.status(), 502);
    }
}

fn read(asked: &[Arc<AtomicUsize>; 2]) -> usize {
    asked.iter().map(|asked| asked.load(Ordering::Relaxed)).sum()
}

#[tokio::test]
async fn no_more_is_asked_again_than_the_budget_allows() {
    let mut lines = log::lines();
    for request in [GET.to_owned(), String::from_utf8(Handshake::new().bytes()).unwrap()] {
        let (proxy, asked) = two_that_lose("{ share = \"10%\", at_least = 1 }").await;
        ask(&proxy, &request, 50).await;
        let counts = proxy.running.proxy().snapshot().upstreams()["chat"].retries.counts();
        // Ten seconds of one, a tenth of fifty, and what came while the test lasted.
        assert!((10..=45).contains(&counts.granted), "{counts:?}");
        assert_eq!(counts.granted + counts.refused, 50);
        assert_eq!(read(&asked) as u64, 50 + counts.granted);
    }
    lines.until(|lines| lines.iter().any(|line| line.to_string().contains("retry_budget is used up"))).await;
}

#[tokio::test]
async fn without_a_budget_everything_is_and_a_reload_keeps_what_was_used() {
    let (mut proxy, asked) = two_that_lose("\"off\"").await;
    ask(&proxy, GET, 30).await;
    assert_eq!(read(&asked), 60);
    let counts = |proxy: &Proxy| proxy.running.proxy().snapshot().upstreams()["chat"].retries.counts();
    assert_eq!(counts(&proxy).granted, 30);
    let (one, two) = (Endpoint::nobody(), Endpoint::nobody());
    proxy.reload(&Config::chat([one, two])).unwrap();
    assert_eq!(counts(&proxy).granted, 30);
    // Who cannot be connected to costs nothing.
    ask(&proxy, GET, 5).await;
    assert_eq!(counts(&proxy).granted, 30);
}

#[tokio::test]
async fn one_that_accepts_and_closes_is_not_noticed_while_another_serves() {
    let (sick, well) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = Config::chat([sick.address(), well.address()]).with("upstream.chat.policy", "\"round_robin\"");
    let proxy = Proxy::serving(&config);
    let lost = tokio::spawn(async move {
        loop {
            drop(sick.accept().await);
        }
    });
    let serving = tokio::spawn(async move {
        loop {
            let (mut wire, _) = well.asked().await;
            wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        }
    });
    for _ in 0..40 {
        let mut client = proxy.connect().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.1, "ok");
    }
    lost.abort();
    serving.abort();
}
