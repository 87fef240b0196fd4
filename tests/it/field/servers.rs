//! Servers.

use tokio::net::TcpListener;

use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire};

/// docker's own proxy for a container that is not up, or a worker that crashes.
#[tokio::test]
async fn an_endpoint_that_accepts_and_closes_is_left_for_the_next_best_by_both_kinds() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = dead.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = dead.accept().await {
            Wire::of(stream).head().await;
        }
    });
    let alive = Endpoint::listen().await;
    let config = Config::chat([address, alive.address()])
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.eject", "\"off\"")
        .with("workers", "1");
    let proxy = Proxy::serving(&config);
    for user in 0..20 {
        let mut client = proxy.connect().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n")).await;
        let (mut at_endpoint, _) = alive.asked().await;
        at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        assert_eq!(client.answer().await.0.status(), 200);
        proxy.tunnel_with(&Handshake::new().with("x-user", user.to_string()), &alive).await;
    }
}
