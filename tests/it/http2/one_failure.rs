//! What ends a connection that requests share is one failure of its endpoint, however many they are.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use super::endpoint::{Asked, Http2Connection, Http2Endpoint};
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
const CLIENTS: usize = 12;

/// In front of two endpoints that have half of the requests each.
fn serving(one: SocketAddr, two: SocketAddr) -> Proxy {
    Proxy::serving(&in_front_of([one, two]).with("upstream.chat.policy", "\"round_robin\""))
}

async fn asking(proxy: &Proxy) -> Vec<Wire> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = proxy.connect().await;
        client.send(POST).await;
        clients.push(client);
    }
    clients
}

/// Whether nobody is kept from the first endpoint.
fn is_served(proxy: &Proxy) -> bool {
    let snapshot = proxy.running.proxy().snapshot();
    snapshot.upstreams()["chat"].endpoints()[0].state().is_eligible()
}

#[tokio::test]
async fn a_connection_that_ends_ejects_nobody() {
    let (one, two) = (Http2Endpoint::listen().await, Http2Endpoint::listen().await);
    let proxy = serving(one.address(), two.address());
    let mut clients = asking(&proxy).await;
    let (mut ending, mut other) = (one.accept().await, two.accept().await);
    let (mut lost, mut kept): (Vec<Asked>, Vec<Asked>) = (Vec::new(), Vec::new());
    while lost.len() + kept.len() < CLIENTS {
        tokio::select! {
            asked = Http2Connection::asked(&mut ending) => lost.push(asked),
            asked = Http2Connection::asked(&mut other) => kept.push(asked),
        }
    }
    assert!(lost.len() > 3, "{}", lost.len());
    ending.cut();
    kept.iter_mut().for_each(|asked| asked.say("ok"));
    let mut failed = 0;
    for client in &mut clients {
        failed += usize::from(client.answer().await.0.status() == 502);
    }
    assert_eq!(failed, lost.len());
    assert!(is_served(&proxy));
}

#[tokio::test]
async fn an_opening_that_comes_to_nothing_ejects_nobody() {
    let (one, two) = (Endpoint::listen().await, Http2Endpoint::listen().await);
    let proxy = serving(one.address(), two.address());
    two.serve(|mut asked| async move { asked.say("ok") });
    let mut clients = asking(&proxy).await;
    let connection = one.accept().await;
    // For all who want to wait for it.
    sleep(Duration::from_millis(300)).await;
    drop(connection);
    for client in &mut clients {
        assert_eq!(client.answer().await.1, "ok");
    }
    assert!(is_served(&proxy));
}
