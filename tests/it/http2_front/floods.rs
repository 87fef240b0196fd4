//! Floods of each kind: the connection is ended with ENHANCE_YOUR_CALM within seconds, and others are served meanwhile.

use tokio::io::AsyncWriteExt;
use tokio::time::{Duration, Instant};
use windlass::metrics::Exposition;

use super::client::Http2Client;
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, block, frame, head, headers,
};
use super::in_front_of;
use crate::rig::{Proxy, ServingEndpoint, until_async};

const ENHANCE_YOUR_CALM: u32 = 11;

/// What a client sends again and again: the same each time, or one for each stream.
type Repeated = Box<dyn Fn(u32) -> Vec<u8> + Send>;

/// Whether a flood is counted as one of these: it is ended by whoever counts first, `h2` or we.
async fn refused(proxy: &Proxy, words: &[&str]) -> bool {
    let metrics = &proxy.running.proxy().metrics;
    let text = metrics.encode(&Default::default(), Exposition::Prometheus).unwrap();
    let is_counted = |word: &&str| text.contains(&format!("windlass_refusals_total{{reason=\"{word}\"}} 1\n"));
    words.iter().any(is_counted)
}

/// Floods, and asserts that it is ended, counted as one of these words, and that another client is served meanwhile.
async fn flood(words: &[&str], first: Vec<u8>, repeated: Repeated) {
    // Two, for what is asked for before it is reset may be more than an endpoint of this test can take.
    let (flooded, endpoint) = (ServingEndpoint::named("flooded").await, ServingEndpoint::named("served").await);
    let config = in_front_of([flooded.address()])
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"other\"")
        .endpoints("other", [endpoint.address()]);
    let proxy = Proxy::serving(&config);
    let other = Http2Client::connect(&proxy).await;
    let mut client = Frames::begin(&proxy).await;
    client.send(&first).await;
    let begun = Instant::now();
    let (mut reading, mut writing) = client.stream.into_split();
    let flooding = tokio::spawn(async move {
        for number in 0_u32.. {
            let some: Vec<_> = (number * 100..number * 100 + 100).flat_map(|each| repeated(2 * each + 1)).collect();
            if writing.write_all(&some).await.is_err() {
                return;
            }
        }
    });
    let mut read = Vec::new();
    let reading = tokio::spawn(async move {
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut read).await;
        read
    });
    while !reading.is_finished() {
        assert_eq!(other.get("/other").await.1, "served", "{words:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{words:?}: nobody ends it");
    }
    flooding.abort();
    assert!(ends_calmly(&reading.await.unwrap()), "{words:?}");
    until_async("it is counted", async || refused(&proxy, words).await).await;
    assert_eq!(other.get("/other").await.1, "served");
}

/// Whether what was read has a GOAWAY of that code among its frames.
fn ends_calmly(mut read: &[u8]) -> bool {
    while let [high, middle, low, kind, ..] = *read {
        let end = 9 + u32::from_be_bytes([0, high, middle, low]) as usize;
        let Some(payload) = read.get(9..end) else { return false };
        if kind == GOAWAY && u32::from_be_bytes(payload[4..8].try_into().unwrap()) == ENHANCE_YOUR_CALM {
            return true;
        }
        read = &read[end..];
    }
    false
}

fn same(bytes: Vec<u8>) -> Repeated {
    Box::new(move |_| bytes.clone())
}

#[tokio::test]
async fn streams_that_are_reset_at_once() {
    let request = |stream| {
        let rest = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [headers(stream, END_HEADERS | END_STREAM, &head("GET", "/")), rest].concat()
    };
    flood(&["http2_reset_flood", "http2_flood"], Vec::new(), Box::new(request)).await;
}

#[tokio::test]
async fn streams_that_the_proxy_is_made_to_reset() {
    // A window beyond the largest is an error of its stream (RFC 9113 §6.9.1).
    let request = |stream| {
        let wrong = frame(WINDOW_UPDATE, 0, stream, &i32::MAX.to_be_bytes());
        [headers(stream, END_HEADERS | END_STREAM, &head("GET", "/")), wrong].concat()
    };
    flood(&["http2_flood"], Vec::new(), Box::new(request)).await;
}

#[tokio::test]
async fn headers_without_an_end() {
    let first = frame(HEADERS, END_STREAM, 1, &block(&head("GET", "/")));
    flood(&["http2_flood"], first, same(frame(CONTINUATION, 0, 1, &block(&[("a", "b")])))).await;
}

#[tokio::test]
async fn settings() {
    flood(&["http2_control_flood"], Vec::new(), same(frame(SETTINGS, 0, 0, &[]))).await;
}

#[tokio::test]
async fn pings() {
    flood(&["http2_control_flood"], Vec::new(), same(frame(PING, 0, 0, &[7; 8]))).await;
}

#[tokio::test]
async fn priorities() {
    flood(&["http2_control_flood"], Vec::new(), same(frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 7]))).await;
}

#[tokio::test]
async fn frames_that_nobody_knows() {
    flood(&["http2_control_flood"], Vec::new(), same(frame(77, 0, 0, b"?"))).await;
}

#[tokio::test]
async fn padding_alone() {
    let first = headers(1, END_HEADERS, &head("POST", "/"));
    flood(&["http2_control_flood", "http2_flood"], first, same(frame(DATA, PADDED, 1, &[3, 0, 0, 0]))).await;
}

#[tokio::test]
async fn data_that_is_empty_and_ends_nothing() {
    // A hundred in the life of a connection, which `h2` counts.
    let first = headers(1, END_HEADERS, &head("POST", "/"));
    flood(&["http2_flood"], first, same(frame(DATA, 0, 1, &[]))).await;
}

#[tokio::test]
async fn windows_that_are_opened_for_nothing() {
    flood(&["http2_window_flood"], Vec::new(), same(frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()))).await;
}
