//! Connections that say nothing at all.

use super::site::Site;
use crate::rig::Wire;

const CLIENTS: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_that_say_nothing_are_let_go_after_head_timeout() {
    let site = Site::start(|config| config.with("listener.public.head_timeout", "\"8s\"")).await;
    let mut clients = site.connections(CLIENTS, b"").await;
    site.serves().await;
    site.assert_bounded(CLIENTS);
    for client in &mut clients {
        Wire::is_gone(client).await;
    }
    site.serves().await;
    site.assert_bounded(CLIENTS);
}
