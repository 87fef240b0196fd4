//! Every place is taken.

use windlass::admin::Client as Admin;
use windlass::config::AdminListen;
use windlass::process::{DescriptorLimit, Room};

use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::{Program, until_async};

/// So many descriptors that there is room for this many tunnels.
fn descriptors_for(tunnels: usize) -> u64 {
    let room = |now| DescriptorLimit { soft_before: now, now }.room(1, 1, 1).tunnels;
    (0..).find(|now| room(*now) == tunnels).unwrap()
}

/// One that may open so many descriptors.
async fn with_descriptors(count: u64, config: &str) -> Program {
    Program::start_through(&["sh", "-c", &format!("ulimit -n {count} && exec \"$@\""), "sh"], config).await
}

#[tokio::test]
async fn when_every_place_is_taken_clients_and_load_balancers_are_told() {
    let config = format!("workers = 1\n{}", two_endpoints().await);
    let windlass = with_descriptors(descriptors_for(3), &config).await;
    let address = windlass.public().await;
    let admin = Admin::new(AdminListen::Unix(windlass.folder().socket()));
    let is_full =
        async || admin.get::<String>("/ready").await.unwrap_err().to_string().contains("every place is taken");
    let mut clients = Vec::new();
    for key in ["a", "b", "c"] {
        assert!(!is_full().await);
        clients.push(windlass.client(key).await.unwrap());
    }

    until_async("it to be full", is_full).await;
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        match Client::connect(address, "late").await {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 503);
                assert!(response.headers().contains_key("retry-after"));
                assert_eq!(response.headers()["connection"], "close");
            }
            other => panic!("{:?}", other.map(|client| client.endpoint)),
        }
    }
    let silent: Vec<_> = (0..10).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    for client in &mut clients {
        client.assert_open().await;
    }
    let complaints = windlass.folder().log().matches("every place is taken: new clients").count() as u64;
    assert!((1..=1 + begun.elapsed().as_secs() / 10).contains(&complaints), "{complaints} lines");

    // They are before everybody else in the queue.
    drop(silent);
    clients.pop();
    until_async("a place", async || !is_full().await).await;
    windlass.client("late").await.unwrap().assert_open().await;
}

#[test]
fn who_is_told_has_descriptors_of_their_own() {
    let Room { descriptors, tunnels, resting } = DescriptorLimit { soft_before: 0, now: 10_000 }.room(1, 1, 1);
    assert!(2 * tunnels + resting + windlass::process::MOST_TURNED_AWAY + 100 < descriptors);
}
