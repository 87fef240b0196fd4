//! What these tests share: a proxy whose queues can be looked at.

use std::sync::Arc;

use windlass::snapshot::{Endpoint as Target, Upstream};

use crate::rig::{Handshake, Proxy, Wire, until};

/// A client that has asked for a WebSocket.
pub(super) async fn asking(proxy: &Proxy) -> Wire {
    asking_with(proxy, &Handshake::new()).await
}

/// The same, in this way.
pub(super) async fn asking_with(proxy: &Proxy, handshake: &Handshake) -> Wire {
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    client
}

/// A client that has asked for a WebSocket, and waits for its turn or place: so many do then.
pub(super) async fn waiting(proxy: &Proxy, count: usize) -> Wire {
    waiting_with(proxy, &Handshake::new(), count).await
}

/// The same, in this way.
pub(super) async fn waiting_with(proxy: &Proxy, handshake: &Handshake, count: usize) -> Wire {
    let client = asking_with(proxy, handshake).await;
    wait_there(proxy, count).await;
    client
}

/// Waits until so many wait.
pub(super) async fn wait_there(proxy: &Proxy, count: usize) {
    until("as many wait as should", || in_queues(proxy) == count).await;
}

/// The upstream, as it is now.
pub(super) fn upstream(proxy: &Proxy) -> Arc<Upstream> {
    Arc::clone(&proxy.running.proxy().snapshot().upstreams()["chat"])
}

/// One of its endpoints.
pub(super) fn target(proxy: &Proxy, index: usize) -> Arc<Target> {
    Arc::clone(&upstream(proxy).endpoints()[index])
}

/// Reads a refusal with these words, and when to come back.
pub(super) async fn is_refused(mut client: Wire, words: &str) {
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.as_str()), (503, format!("503 {words}, come back a little later\n").as_str()));
    let after: u32 = head.value("retry-after").expect("it says when to come back").parse().unwrap();
    assert!((1..=120).contains(&after), "{after}");
}

fn in_queues(proxy: &Proxy) -> usize {
    let upstream = upstream(proxy);
    let of_turns = upstream.endpoints().iter().filter_map(|endpoint| endpoint.gate()).map(|gate| gate.waiting());
    of_turns.sum::<usize>() + upstream.places.waiting()
}

pub(super) const FULL: &str = "too many wait for an endpoint";
pub(super) const TOO_LONG: &str = "no endpoint has taken another one for too long";
