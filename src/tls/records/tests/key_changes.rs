//! Keys that change, on either side's account.

use super::*;
use crate::tls::SecretLog;

#[test]
fn keys_change_both_ways_wherever_the_update_is_cut() {
    let site = Site::new();
    let mut lengths = 0..1;
    while let Some(cut) = lengths.next() {
        let mut pair = Pair::connected(&site, &site.client(&TLS13));
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"new keys").unwrap();
        let said = pair.client_says();
        lengths.end = said.len();

        pair.server.deliver(&said[..cut]).unwrap();
        pair.server.send(b"meanwhile");
        assert_eq!(pair.client_hears().unwrap(), b"meanwhile");
        pair.server.deliver(&said[cut..]).unwrap();
        // It was asked for: the answer is under new keys, behind our own update.
        pair.server.send(b"answer");

        assert_eq!(pair.server.received, b"new keys");
        assert_eq!(pair.client_hears().unwrap(), b"answer");
    }
}

#[test]
fn a_key_that_has_made_its_records_is_changed() {
    let site = Site::new();
    for suite in TLS13_SUITES {
        let client = site.client_of(suite);
        let mut pair = Pair::connected(&site, &client);
        for sent in 0..20_u8 {
            if sent % 7 == 0 {
                let Holder::Traffic(traffic) = &mut pair.server.records.holder else { panic!("the handshake is over") };
                traffic.exhaust_key();
            }
            pair.server.send(&[sent; 40_000]);
            assert_eq!(pair.client_hears().unwrap(), [sent; 40_000]);
        }
        assert_eq!(pair.client.negotiated_cipher_suite().unwrap().suite(), suite.suite());
    }
}

#[test]
fn they_change_as_often_as_either_side_likes_under_every_suite() {
    let site = Site::new();
    for suite in TLS13_SUITES {
        let mut pair = Pair::connected(&site, &site.client_of(suite));
        talk_under_new_keys(&mut pair, 50);
    }
}

#[test]
fn handshakes_that_go_on_at_once_do_not_mix_their_secrets() {
    let site = Site::new();
    // What another connection of the thread says of its own is nobody's.
    let client = site.client(&TLS13).with(|config| config.key_log = Arc::new(SecretLog));
    let mut pairs = [Pair::new(&site, &client), Pair::new(&site, &client), Pair::new(&site, &client)];
    for _ in 0..2 {
        for pair in &mut pairs {
            let said = pair.client_says();
            pair.server.deliver(&said).unwrap();
        }
        for pair in &mut pairs {
            pair.client_hears().unwrap();
        }
    }
    for pair in &mut pairs {
        talk_under_new_keys(pair, 2);
    }
}

#[test]
fn there_is_no_connection_with_a_configuration_that_does_not_hand_out_its_secrets() {
    let Site { config, issued } = Site::new();
    let mut config = ServerConfig::clone(&config);
    config.key_log = Arc::new(rustls::NoKeyLog);
    let site = Site { config: Arc::new(config), issued };
    let mut pair = Pair::new(&site, &site.client(&TLS13));
    let said = pair.client_says();
    pair.server.deliver(&said).unwrap();
    pair.client_hears().unwrap();
    let said = pair.client_says();

    assert!(matches!(pair.server.deliver(&said), Err(Error::General(_))));
}

/// Has each side use new keys, asked and unasked, so many times.
fn talk_under_new_keys(pair: &mut Pair, times: u8) {
    for time in 0..times {
        if time % 3 == 0 {
            let Holder::Traffic(traffic) = &mut pair.server.records.holder else { panic!("the handshake is over") };
            traffic.exhaust_key();
        }
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(&[time; 100]).unwrap();
        let said = pair.client_says();
        pair.server.deliver(&said).unwrap();
        pair.server.send(&[time; 200]);
        assert_eq!(mem::take(&mut pair.server.received), [time; 100]);
        assert_eq!(pair.client_hears().unwrap(), [time; 200]);
    }
}
