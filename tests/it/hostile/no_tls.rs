//! Anything else than TLS on a port of TLS.

use fastrand::Rng;
use rcgen::PKCS_ECDSA_P256_SHA256;

use super::site::Site;
use crate::tls_proxy::{Certificates, Client};

const CLIENTS: usize = 1_000;

/// Bytes that begin as what a port of TLS may be asked by mistake, or as its records.
fn garbage(random: &mut Rng) -> Vec<u8> {
    const STARTS: [&[u8]; 7] = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-",
        b"\x16\x03\x01",
        b"\x16\x03\x03\xff\xff",
        b"\x15\x03\x03\0\x02",
        b"\x80\x2e\x01",
    ];
    let start = STARTS[random.usize(0..STARTS.len())];
    start.iter().copied().chain((0..random.usize(0..300)).map(|_| random.u8(..))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_the_place_of_tls_costs_nobody_else_anything() {
    let certificates = Certificates::none();
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let tls = certificates.tls(&["site"]);
    let site =
        Site::start(|config| config.with("listener.public.tls", &tls).with("listener.public.tls_timeout", "\"2s\""))
            .await;
    let other = Client::trusting([&pem]);
    let mut random = Rng::with_seed(14);
    for round in 0..10 {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS / 10 {
            clients.extend(site.connections(1, &garbage(&mut random)).await);
        }
        drop(other.tunnel_to(site.program.address(), "chat.test", &site.endpoint).await);
        site.assert_bounded(CLIENTS);
        for client in &mut clients {
            let said = client.drain().await;
            assert!(!said.contains("101"), "round {round}: {said}");
        }
    }
    drop(other.tunnel_to(site.program.address(), "chat.test", &site.endpoint).await);
    site.assert_bounded(0);
}
