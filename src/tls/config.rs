//! The rustls configuration of a listener.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::alpn::ACME_TLS_ALPN;
use super::credentials::Credentials;
use super::identity::Identity;
use super::secret_log::SecretLog;
use super::session_tickets::{SessionTickets, Tickets};
use super::sni::CertificatesBySni;
use crate::config::{TlsVersion, UnknownNames};

/// What the TLS of a listener keeps to, whatever its credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsRules {
    /// Whether clients are offered HTTP/2, before HTTP/1.1.
    pub http2: bool,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// What becomes of clients that ask for no name, or for none that a certificate is for.
    pub unknown_names: UnknownNames,
}

impl Default for TlsRules {
    /// As they are where nothing is said, over HTTP/1.1.
    fn default() -> Self {
        Self { http2: false, min_version: TlsVersion::V1_2, unknown_names: UnknownNames::First }
    }
}

/// How a listener with these credentials speaks TLS: versions up to 1.3, HTTP over ALPN. Keys are agreed on in the group that the
/// client likes best, X25519MLKEM768 among them.
///
/// Clients are asked for a certificate where the credentials say so.
///
/// A session begun under one configuration resumes under another if they were given the same `tickets`, ask their clients for
/// the same, and have certificates of the same names.
pub fn server_config(credentials: &Credentials, rules: TlsRules, tickets: &SessionTickets) -> Arc<ServerConfig> {
    let clients = credentials.clients.as_ref();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = clients.map_or_else(WebPkiClientVerifier::no_client_auth, |clients| clients.verifier(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(rules.min_version))
        .expect("aws-lc-rs has cipher suites and key exchanges for both versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(CertificatesBySni::new(credentials, rules.unknown_names)));
    config.alpn_protocols = protocols(credentials, rules);
    config.ticketer = Arc::new(Tickets::new(tickets, Identity::of(credentials)));
    config.send_tls13_tickets = TICKETS_PER_HANDSHAKE;
    // After the handshake a connection is carried on with nothing but its keys.
    config.enable_secret_extraction = true;
    config.key_log = Arc::new(SecretLog);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Arc::new(config)
}

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    static NEWEST: [&SupportedProtocolVersion; 1] = [&TLS13];
    match oldest {
        TlsVersion::V1_2 => &BOTH,
        TlsVersion::V1_3 => &NEWEST,
    }
}

/// The protocols, the first choice first (RFC 7301 §3.2).
fn protocols(credentials: &Credentials, rules: TlsRules) -> Vec<Vec<u8>> {
    let http2 = rules.http2.then_some(&b"h2"[..]);
    let challenge = credentials.issued.is_some().then_some(ACME_TLS_ALPN);
    http2.into_iter().chain([&b"http/1.1"[..]]).chain(challenge).map(<[u8]>::to_vec).collect()
}

/// Tickets sent after a TLS 1.3 handshake.
///
/// One is what a WebSocket client uses when it comes back, and each resumption brings the next. Its cost is one sealing
/// and some two hundred bytes; a browser that opens several connections at once resumes only one of them.
const TICKETS_PER_HANDSHAKE: usize = 1;

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
    use rustls::client::{
        ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    };
    use rustls::crypto::aws_lc_rs::kx_group;
    use rustls::pki_types::ServerName;
    use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};

    use super::*;
    use crate::tls::tests::{Client, Folder, Issued};
    use crate::tls::{CertifiedBundle, IssuedCertificates, TicketKeys};

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
    fn http_2_is_the_first_choice_where_it_is_offered() {
        let folder = Folder::new();
        let site = Issued::named(&["site.test"]);
        let credentials = credentials(&folder, &[&site]);
        let config = server_config(&credentials, TlsRules { http2: true, ..TlsRules::default() }, &tickets());
        for (offered, spoken) in
            [(&[&b"http/1.1"[..], b"h2"][..], &b"h2"[..]), (&[b"h2"], b"h2"), (&[b"http/1.1"], b"http/1.1")]
        {
            let connection = Client::trusting(&[&site], &TLS13, offered).shake_hands("site.test", &config).unwrap();
            assert_eq!(connection.alpn_protocol(), Some(spoken));
        }
    }

    #[test]
    fn an_authority_is_shown_the_proof_of_a_name_and_nobody_else_is() {
        let folder = Folder::new();
        let (site, proof) = (Issued::named(&["site.test"]), Issued::named(&["site.test"]));
        let issued = IssuedCertificates::for_names(["site.test".to_owned()]);
        let credentials = Credentials { issued: Some(issued.clone()), ..credentials(&folder, &[&site]) };
        let config = server_config(&credentials, TlsRules::default(), &tickets());
        let authority = Client::trusting(&[&proof], &TLS13, &[ACME_TLS_ALPN]);
        let client = Client::trusting(&[&site], &TLS13, &[b"http/1.1", ACME_TLS_ALPN]);

        assert!(authority.shake_hands("site.test", &config).is_err());
        issued.begin_challenge("site.test", Arc::clone(&bundle(&folder, &[&proof]).certified()[0]));
        let proved = authority.shake_hands("site.test", &config).unwrap();
        assert_eq!(proved.alpn_protocol(), Some(ACME_TLS_ALPN));
        assert_eq!(client.shake_hands("site.test", &config).unwrap().alpn_protocol(), Some(&b"http/1.1"[..]));
        issued.end_challenge("site.test");
        assert!(authority.shake_hands("site.test", &config).is_err());
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
    fn older_versions_than_the_oldest_are_not_spoken() {
        let folder = Folder::new();
        let site = Issued::named(&["site.test"]);
        let rules = TlsRules { min_version: TlsVersion::V1_3, ..TlsRules::default() };
        let config = server_config(&credentials(&folder, &[&site]), rules, &tickets());
        let shake = |version| Client::trusting(&[&site], version, &[]).shake_hands("site.test", &config);

        assert!(shake(&TLS13).is_ok());
        assert!(shake(&TLS12).is_err());
    }

    #[test]
    fn keys_are_agreed_on_by_x25519mlkem768_with_whoever_likes_that_best() {
        let folder = Folder::new();
        let site = Issued::named(&["site.test"]);
        let config = config(&folder, &[&site], &TicketKeys::generate().unwrap());
        for group in [kx_group::X25519MLKEM768, kx_group::X25519] {
            let groups = vec![group, kx_group::SECP256R1];
            let client = Client::with_groups(groups, &[&site], &TLS13);
            let connection = client.shake_hands("site.test", &config).unwrap();
            assert_eq!(connection.negotiated_key_exchange_group().map(|agreed| agreed.name()), Some(group.name()));
            assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full), "at the first try");
        }
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

    #[test]
    fn a_session_resumes_where_the_names_are_the_same_and_nowhere_else() {
        let folder = Folder::new();
        let issued = ["a.test", "a.test", "b.test"].map(|name| Issued::named(&[name]));
        let [a, renewed, b] = issued.each_ref();
        let tickets = TicketKeys::generate().unwrap();
        for (version, _) in VERSIONS {
            let kind_at = |certificates: &[&Issued]| {
                let client = Client::trusting(&[a, renewed, b], version, &[]);
                client.shake_hands("a.test", &config(&folder, &[a], &tickets)).unwrap();
                let again = client.shake_hands("a.test", &config(&folder, certificates, &tickets));
                again.map(|connection| connection.handshake_kind())
            };

            assert_eq!(kind_at(&[renewed]), Ok(Some(HandshakeKind::Resumed)));
            assert_eq!(kind_at(&[a, renewed]), Ok(Some(HandshakeKind::Resumed)));
            assert_eq!(kind_at(&[a, b]), Ok(Some(HandshakeKind::Full)));
            assert!(kind_at(&[b]).is_err(), "the client is shown the certificate, and refuses it");
        }
    }

    #[test]
    fn a_session_with_one_name_of_a_listener_does_not_resume_with_another() {
        let folder = Folder::new();
        let (a, b) = (Issued::named(&["a.test"]), Issued::named(&["b.test"]));
        let config = config(&folder, &[&a, &b], &TicketKeys::generate().unwrap());
        for (version, _) in VERSIONS {
            let client = Client::trusting(&[&a, &b], version, &[]).with(|config| {
                config.resumption = Resumption::store(Arc::new(Careless(ClientSessionMemoryCache::new(8))));
            });
            let kind_with = |name| client.shake_hands(name, &config).unwrap().handshake_kind();

            assert_eq!(kind_with("a.test"), Some(HandshakeKind::Full));
            assert_eq!(kind_with("b.test"), Some(HandshakeKind::Full));
            assert_eq!(kind_with("b.test"), Some(HandshakeKind::Resumed), "the client does offer what it has");
        }
    }

    /// Sessions of a client that offers them to anybody.
    #[derive(Debug)]
    struct Careless(ClientSessionMemoryCache);

    impl ClientSessionStore for Careless {
        fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
            self.0.set_kx_hint(anybody(), group);
        }

        fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
            self.0.kx_hint(&anybody())
        }

        fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
            self.0.set_tls12_session(anybody(), session);
        }

        fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
            self.0.tls12_session(&anybody())
        }

        fn remove_tls12_session(&self, _: &ServerName<'static>) {
            self.0.remove_tls12_session(&anybody());
        }

        fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
            self.0.insert_tls13_ticket(anybody(), ticket);
        }

        fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
            self.0.take_tls13_ticket(&anybody())
        }
    }

    fn anybody() -> ServerName<'static> {
        ServerName::try_from("anybody.test").unwrap()
    }

    fn config(folder: &Folder, certificates: &[&Issued], tickets: &TicketKeys) -> Arc<ServerConfig> {
        server_config(&credentials(folder, certificates), TlsRules::default(), &SessionTickets::of_process(tickets))
    }

    fn tickets() -> SessionTickets {
        SessionTickets::of_process(&TicketKeys::generate().unwrap())
    }

    fn credentials(folder: &Folder, certificates: &[&Issued]) -> Credentials {
        Credentials::of(bundle(folder, certificates))
    }

    fn bundle(folder: &Folder, certificates: &[&Issued]) -> CertifiedBundle {
        let files: Vec<_> =
            certificates.iter().enumerate().map(|(index, issued)| folder.keep(&index.to_string(), issued)).collect();
        CertifiedBundle::load(&files).unwrap()
    }
}
