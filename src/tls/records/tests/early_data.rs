//! Clients that send data before the handshake is over, or pretend to: we have not offered it, so it is let fall.

use super::*;

#[test]
fn early_data_for_another_server_is_let_fall() {
    let site = Site::new();
    for (length, fragment) in [(3_000, Some(261)), (8_000, None), (14_000, None), (6_144, Some(1_029))] {
        for step in [1, 1_000, usize::MAX] {
            let mut pair = with_early_data(&site, &vec![7; length], fragment);
            while pair.server.records.is_handshaking() || pair.client.is_handshaking() {
                for piece in pair.client_says().chunks(step) {
                    pair.server.deliver(piece).unwrap();
                    assert!(pair.server.records.unread() <= MAX_RECORD);
                }
                pair.client_hears().unwrap();
            }
            assert!(!pair.client.is_early_data_accepted());

            pair.client.writer().write_all(b"again").unwrap();
            let said = pair.client_says();
            pair.server.deliver(&said).unwrap();

            assert_eq!(pair.server.received, b"again");
        }
    }
}

#[test]
fn records_that_pretend_to_be_early_data_are_not_kept() {
    let site = Site::new();
    for pretended in [&[23, 3, 3, 0, 0][..], &[23, 3, 3, 0, 17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7]] {
        let mut pair = with_early_data(&site, b"early", None);
        let mut said = pair.client_says();
        said.extend(pretended.repeat(900));

        pair.server.deliver(&said).unwrap();

        assert_eq!(pair.server.records.unread(), 0, "each was looked at once");
        pair.client_hears().unwrap();
        let said = pair.client_says();
        pair.server.deliver(&said).unwrap();
        assert!(!pair.server.records.is_handshaking());
    }
}

/// A client with a ticket of another server, which let it send `early` before the handshake is over.
fn with_early_data(site: &Site, early: &[u8], fragment: Option<usize>) -> Pair {
    let client = site.client(&TLS13).with(|config| {
        config.enable_early_data = true;
        config.max_fragment_size = fragment;
    });
    let mut other = ServerConfig::builder_with_provider(Arc::clone(site.config.crypto_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&site.config.cert_resolver));
    other.alpn_protocols.clone_from(&site.config.alpn_protocols);
    other.max_early_data_size = u32::MAX;
    client.shake_hands("site.test", &Arc::new(other)).unwrap();

    let mut pair = Pair::new(site, &client);
    let mut writer = pair.client.early_data().expect("its ticket allows early data");
    assert_eq!(writer.write(early).unwrap(), early.len());
    pair
}
