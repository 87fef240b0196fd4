//! Handshakes of TLS that begin and do not go on.

use std::time::Duration;

use rcgen::PKCS_ECDSA_P256_SHA256;

use super::site::{Site, trickle};
use crate::tls_proxy::{Certificates, Client};

const CLIENTS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_trickle_are_given_up_after_tls_timeout() {
    let certificates = Certificates::none();
    let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
    let tls = certificates.tls(&["site"]);
    let site =
        Site::start(|config| config.with("listener.public.tls", &tls).with("listener.public.tls_timeout", "\"2s\""))
            .await;
    let other = Client::trusting([&pem]);
    let serves = async || drop(other.tunnel_to(site.program.address(), "chat.test", &site.endpoint).await);
    // A record of a handshake that is 16 KiB long, and the first of its ClientHello.
    let mut clients = site.connections(CLIENTS, &[0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3]).await;
    serves().await;
    site.assert_bounded(CLIENTS);
    let (took, ()) = tokio::join!(trickle(&mut clients, 0), serves());
    assert!(took < Duration::from_secs(20), "they were there for {took:?}");
    serves().await;
    site.assert_bounded(CLIENTS);
}
