//! What an open tunnel notices of a storm of handshakes.

use std::time::{Duration, Instant};

use rcgen::PKCS_ECDSA_P256_SHA256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use windlass::process::raise_descriptor_limit;

use super::site::{Certificates, Client};
use crate::rig::{Endpoint, Program, within};

const CLIENTS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_tunnel_waits_for_a_few_steps_and_not_for_a_storm() {
    assert!(raise_descriptor_limit().now > 3 * CLIENTS as u64, "too few descriptors for this test");
    let (in_turn, together) = (waits(2).await, waits(1024).await);
    println!("there and back in a storm: {in_turn:?} with two turns, {together:?} with any number");
    assert!(3 * in_turn < together, "{in_turn:?} with two turns, {together:?} with any number");
}

/// How long a message of a tunnel and its answer take while a storm of clients shakes hands: the median.
async fn waits(at_once: usize) -> Duration {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let client = Client::trusting([&pem]);
    let config = certificates.before(&endpoint, &["site"]).with("workers", "1");
    let program = Program::serving(&config.with("tls_handshakes_at_once", &at_once.to_string())).await;
    let mut secured = client.tunnel_to(program.address(), "chat.test", &endpoint).await;
    let hello = client.hello("chat.test");
    let mut storm = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        storm.push(TcpStream::connect(program.address()).await.unwrap());
    }
    for stream in &mut storm {
        stream.write_all(&hello).await.unwrap();
    }
    let answers = tokio::spawn(async move {
        for stream in &mut storm {
            within("an answer", stream.read_u8()).await.unwrap();
        }
    });
    let mut took = Vec::new();
    loop {
        let sent = Instant::now();
        secured.carries().await;
        took.push(sent.elapsed());
        // There is one at the least, however short the storm.
        if answers.is_finished() {
            break;
        }
    }
    answers.await.unwrap();
    took.sort();
    took[took.len() / 2]
}
