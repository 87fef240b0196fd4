//! What a storm of TLS tunnels leaves behind in the real program.

use rcgen::PKCS_ECDSA_P256_SHA256;
use windlass::process::raise_descriptor_limit;

use super::site::{Certificates, Client, Secured};
use crate::rig::{Endpoint, Program, until};

/// Enough for their keys, which are C's allocations, to stand out among what is resident anyway.
const TUNNELS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_a_storm_goes_back_to_the_system() {
    assert!(raise_descriptor_limit().now > 3 * TUNNELS as u64, "too few descriptors for this test");
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let client = Client::trusting([&pem]);
    let program = Program::serving(&certificates.before(&endpoint, &["site"])).await;
    drop(storm(TUNNELS / 20, &client, &program, &endpoint).await);
    let before = program.resident();

    let tunnels = storm(TUNNELS, &client, &program, &endpoint).await;
    let taken = program.resident() - before;
    drop(tunnels);

    assert!(taken > 1024 * TUNNELS as u64, "{taken} bytes");
    until("nine tenths of it are back", || program.resident() < before + taken / 10).await;
}

/// Opens so many tunnels.
async fn storm(tunnels: usize, client: &Client, program: &Program, endpoint: &Endpoint) -> Vec<Secured> {
    let mut open = Vec::with_capacity(tunnels);
    for _ in 0..tunnels {
        open.push(client.tunnel_to(program.address(), "chat.test", endpoint).await);
    }
    open
}
