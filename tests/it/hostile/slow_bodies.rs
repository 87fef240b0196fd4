//! Bodies that are promised and do not come.

use super::site::Site;

const CLIENTS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_stand_still_are_given_up_after_body_timeout() {
    let site = Site::start(|config| config.with("listener.public.body_timeout", "\"2s\"")).await;
    let mut held = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.extend(site.connections(1, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx").await);
        held.push(site.endpoint.asked().await.0);
    }
    site.serves().await;
    site.assert_bounded(2 * CLIENTS);
    for client in &mut clients {
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), body.as_str()), (408, "408 the request took too long\n"));
    }
    for at_endpoint in &mut held {
        at_endpoint.drain().await;
    }
    site.serves().await;
    site.assert_bounded(2 * CLIENTS);
}
