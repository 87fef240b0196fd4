//! Clients of HTTP/2 that take nothing of what they ask for, or claim much with little.

use std::collections::HashSet;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::site::Site;
use crate::http2_front::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, RST_STREAM, RawFrame, SETTINGS, block, frame, head, headers,
};
use crate::rig::{Config, ServingEndpoint, within};

const CONNECTIONS: usize = 10;
const STREAMS: u32 = 100;
const CANCEL: u32 = 8;
const MIB: usize = 1 << 20;

fn over_http2(config: Config) -> Config {
    config.with("listener.public.h2c", "true")
}

/// The streams of a client, in the order in which they are opened.
fn streams() -> impl Iterator<Item = u32> {
    (0..STREAMS).map(|number| 2 * number + 1)
}

/// Takes out the stream that is given up by this frame; nothing is sent beyond a window.
fn note_given_up(open: &mut HashSet<u32>, frame: &RawFrame) {
    match frame.kind {
        RST_STREAM => assert!(frame.code() == CANCEL && open.remove(&frame.stream), "{frame:?}"),
        kind => assert_ne!(kind, DATA, "{frame:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_are_given_up_after_body_timeout() {
    let large = ServingEndpoint::start(|_| async { Response::new(Full::from(Bytes::from(vec![b'x'; MIB]))) }).await;
    let site = Site::start(|config| {
        over_http2(config)
            .with("listener.public.body_timeout", "\"2s\"")
            .with("route.large.path", "\"/large\"")
            .with("route.large.upstream", "\"large\"")
            .endpoints("large", [large.address()])
    })
    .await;
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let requests: Vec<_> =
        streams().flat_map(|stream| headers(stream, END_HEADERS | END_STREAM, &head("GET", "/large"))).collect();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Frames::connect(site.program.address()).await;
        client.send(&[&no_window[..], &requests].concat()).await;
        clients.push((client, streams().collect::<HashSet<_>>()));
    }
    for (client, open) in &mut clients {
        let mut answered = 0;
        while answered < STREAMS {
            let frame = client.next().await;
            answered += u32::from(frame.kind == HEADERS);
            note_given_up(open, &frame);
        }
    }
    site.serves().await;
    site.assert_bounded(CONNECTIONS * STREAMS as usize);
    for (client, open) in &mut clients {
        while !open.is_empty() {
            note_given_up(open, &client.next().await);
        }
    }
    site.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_said_once_and_meant_thousands_of_times_takes_no_memory() {
    let site = Site::start(over_http2).await;
    // `x: aaa…`, of 4,000 bytes, into the dynamic table (RFC 7541 §6.2.1), whose newest entry is 62 then (§6.1).
    let indexed = [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'a'; 4_000]].concat();
    let request = block(&head("GET", "/"));
    let first = [&request[..], &indexed].concat();
    let claims = [&request[..], &[0x80 | 62; 16_000]].concat();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Frames::connect(site.program.address()).await;
        client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &first)).await;
        let at_endpoint = site.endpoint.asked().await.0;
        for stream in streams().skip(1) {
            // It may be cut by then.
            client.try_send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &claims)).await;
        }
        clients.push((client, at_endpoint));
    }
    for (client, _) in &mut clients {
        // The answer, or the end of the connection.
        let refused = site.endpoint.is_untouched_until(client.try_next_of_kind(&[HEADERS, RST_STREAM])).await;
        assert!(refused.is_none_or(|it| it.stream > 1), "the first is with the endpoint still");
    }
    site.serves().await;
    site.assert_bounded(CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_take_no_memory() {
    let site = Site::start(over_http2).await;
    let cancelled = |stream| {
        let reset = frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
        [headers(stream, END_HEADERS | END_STREAM, &head("GET", "/")), reset].concat()
    };
    for flood in [
        frame(PING, 0, 0, &[7; 8]).repeat(100_000),
        frame(SETTINGS, 0, 0, &[]).repeat(100_000),
        (0..20_000).flat_map(|number| cancelled(2 * number + 1)).collect(),
    ] {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = Frames::connect(site.program.address()).await;
            // It is cut meanwhile, and has read nothing.
            client.try_send(&flood).await;
            clients.push(client);
        }
        site.assert_bounded(CONNECTIONS);
        for client in &mut clients {
            while within("the end of the connection", client.try_next()).await.is_some() {}
        }
    }
}
