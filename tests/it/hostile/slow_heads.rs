//! Heads that come byte by byte, and never whole.

use std::time::Duration;

use super::site::{Site, trickle};

const CLIENTS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_trickle_are_given_up_after_head_timeout() {
    let site = Site::start(|config| config.with("listener.public.head_timeout", "\"2s\"")).await;
    let mut clients = site.connections(CLIENTS, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    site.serves().await;
    site.assert_bounded(CLIENTS);
    let (took, ()) = tokio::join!(trickle(&mut clients, b'x'), site.serves());
    assert!(took < Duration::from_secs(20), "they were there for {took:?}");
    site.serves().await;
    site.assert_bounded(CLIENTS);
}
