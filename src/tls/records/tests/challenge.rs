//! Authorities that look whether a name is ours (RFC 8737), beside clients.

use super::*;
use crate::tls::tests::{Client, Folder, Issued};
use crate::tls::{
    ACME_TLS_ALPN, CertifiedBundle, Credentials, IssuedCertificates, SessionTickets, TicketKeys, TlsRules,
    server_config,
};

#[test]
fn who_looks_whether_a_name_is_ours_is_told_from_clients() {
    let issued = Issued::named(&["site.test"]);
    let bundle = CertifiedBundle::load(&[Folder::new().keep("site", &issued)]).unwrap();
    let shown = IssuedCertificates::for_names(["site.test".to_owned()]);
    shown.begin_challenge("site.test", Arc::clone(&bundle.certified()[0]));
    let credentials = Credentials { issued: Some(shown), ..Credentials::of(bundle) };
    let config =
        server_config(&credentials, TlsRules::default(), &SessionTickets::of_process(&TicketKeys::generate().unwrap()));
    let site = Site { config, issued };
    for version in VERSIONS {
        let is_challenge = |offered: &[&[u8]]| {
            let mut pair = Pair::connected(&site, &Client::trusting(&[&site.issued], version, offered));
            let is_challenge = pair.server.records.is_challenge();
            pair.server.records.check_invariants();
            pair.server.records.close(&mut pair.server.outgoing).unwrap();
            assert_eq!(pair.client_hears().unwrap(), b"");
            is_challenge
        };
        assert!(is_challenge(&[ACME_TLS_ALPN]));
        assert!(!is_challenge(&[ACME_TLS_ALPN, b"http/1.1"]));
        assert!(!is_challenge(&[b"http/1.1"]));
        assert!(!is_challenge(&[]));
    }
}
