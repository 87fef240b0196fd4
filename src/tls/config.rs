//! The rustls configuration of a listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};

use super::certificates::CertifiedBundle;
use super::sni::CertificatesBySni;
use super::tickets::TicketKeys;

/// How a listener with these certificates speaks TLS: versions 1.2 and 1.3, `http/1.1` over ALPN.
///
/// A session begun under one configuration resumes under another if they were given the same `tickets`.
pub fn server_config(bundle: &CertifiedBundle, tickets: &TicketKeys) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("aws-lc-rs has cipher suites and key exchanges for both versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(CertificatesBySni::new(bundle)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = Arc::new(tickets.clone());
    config.send_tls13_tickets = TICKETS_PER_HANDSHAKE;
    // After the handshake a connection is carried on with nothing but its keys.
    config.enable_secret_extraction = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Arc::new(config)
}

/// Tickets sent after a TLS 1.3 handshake.
///
/// One is what a WebSocket client uses when it comes back, and each resumption brings the next. Its cost is one sealing
/// and some two hundred bytes; a browser that opens several connections at once resumes only one of them.
const TICKETS_PER_HANDSHAKE: usize = 1;

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
    use rustls::{HandshakeKind, ProtocolVersion, SupportedProtocolVersion};

    use super::*;
    use crate::tls::tests::{Client, Folder, Issued};

    const VERSIONS: [(&SupportedProtocolVersion, ProtocolVersion); 2] =
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];

    #[test]
    fn shakes_hands_with_every_key_kind_in_both_versions() {
        let folder = Folder::new();
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256, &PKCS_ED25519] {
            let site = Issued::with_key(algorithm, &["site.test"]);
            let config = config(&folder, &[&site], &TicketKeys::generate().unwrap());
            for (version, negotiated) in VERSIONS {
                let client = Client::trusting(&[&site], version, &[b"http/1.1"]);

                let connection = client.shake_hands("site.test", &config).unwrap();

                assert_eq!(connection.protocol_version(), Some(negotiated));
                assert_eq!(connection.alpn_protocol(), Some(b"http/1.1".as_slice()));
            }
        }
    }

    #[test]
    fn speaks_http_1_1_and_nothing_else_over_alpn() {
        let folder = Folder::new();
        let site = Issued::named(&["site.test"]);
        let config = config(&folder, &[&site], &TicketKeys::generate().unwrap());
        let alpn = |offered: &[&[u8]]| {
            let connection = Client::trusting(&[&site], &TLS13, offered).shake_hands("site.test", &config);
            connection.map(|connection| connection.alpn_protocol().map(<[u8]>::to_vec))
        };

        assert_eq!(alpn(&[b"h2", b"http/1.1"]), Ok(Some(b"http/1.1".to_vec())));
        assert_eq!(alpn(&[]), Ok(None));
        assert!(alpn(&[b"h2"]).is_err());
    }

    #[test]
    fn the_client_sees_the_certificate_of_the_name_it_asks_for() {
        let folder = Folder::new();
        let (chat, blog) = (Issued::named(&["chat.test"]), Issued::named(&["*.blog.test"]));
        let config = config(&folder, &[&chat, &blog], &TicketKeys::generate().unwrap());
        let client = Client::trusting(&[&chat, &blog], &TLS13, &[]);

        // The client verifies the name.
        assert!(client.shake_hands("chat.test", &config).is_ok());
        assert!(client.shake_hands("my.blog.test", &config).is_ok());
        assert!(client.shake_hands("unknown.test", &config).is_err());
    }

    #[test]
    fn a_session_resumes_after_a_reload_that_kept_the_ticket_keys() {
        let folder = Folder::new();
        let (old, renewed) = (Issued::named(&["site.test"]), Issued::named(&["site.test"]));
        let tickets = TicketKeys::generate().unwrap();
        for (version, _) in VERSIONS {
            let client = Client::trusting(&[&old, &renewed], version, &[]);
            let kind_with = |site, tickets: &TicketKeys| {
                client.shake_hands("site.test", &config(&folder, &[site], tickets)).unwrap().handshake_kind()
            };

            assert_eq!(kind_with(&old, &tickets), Some(HandshakeKind::Full));
            assert_eq!(kind_with(&renewed, &tickets), Some(HandshakeKind::Resumed));
            assert_eq!(kind_with(&renewed, &TicketKeys::generate().unwrap()), Some(HandshakeKind::Full));
        }
    }

    fn config(folder: &Folder, certificates: &[&Issued], tickets: &TicketKeys) -> Arc<ServerConfig> {
        let files: Vec<_> =
            certificates.iter().enumerate().map(|(index, issued)| folder.keep(&index.to_string(), issued)).collect();
        server_config(&CertifiedBundle::load(&files).unwrap(), tickets)
    }
}
