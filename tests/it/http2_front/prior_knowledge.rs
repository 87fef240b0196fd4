//! HTTP/2 without TLS: recognised by its first words, on listeners that take it.

use tokio::time::{Duration, sleep};

use super::client::Http2Client;
use super::in_front_of;
use crate::rig::{Config, Proxy, ServingEndpoint, Wire, log};

#[tokio::test]
async fn both_protocols_are_served_on_one_listener() {
    let endpoint = ServingEndpoint::named("served").await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    assert_eq!(Http2Client::connect(&proxy).await.get("/").await.1, "served");
    // Some begin as the preface does.
    for method in ["GET", "PATCH", "PRI", "P"] {
        let mut client = proxy.connect().await;
        client.send(format!("{method} /a HTTP/1.1\r\nhost: chat.test\r\n\r\n")).await;
        assert_eq!(client.answer().await.1, "served", "{method}");
    }
}

#[tokio::test]
async fn the_first_words_may_come_one_by_one() {
    let endpoint = ServingEndpoint::named("served").await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        client.send([*byte]).await;
        sleep(Duration::from_millis(2)).await;
    }
    let settings = client.bytes(9).await;
    assert_eq!(settings[3], 4, "{settings:?}");
}

#[tokio::test]
async fn a_listener_that_does_not_take_it_says_so() {
    let mut log = log::lines();
    let config =
        Config::default().with("listener.without_h2c.bind", "\"127.0.0.1:0\"").with("route.a.upstream", "\"a\"");
    let proxy = Proxy::serving(&config.endpoints("a", [crate::rig::Endpoint::nobody()]));
    let mut client = Wire::connect(proxy.address("without_h2c")).await;
    client.try_send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.drain().await;
    let line = log.about_a_client_of("without_h2c").await;
    assert_eq!(line["refusal"], "http2", "{line}");
}
