//! A connection that is carried on from a plain value: its peer notices nothing.

use super::*;
use crate::tls::{CannotFreeze, FrozenRecords};

/// What is written of a connection, and what is read of that.
fn carried(records: &Records) -> Records {
    let written = postcard::to_stdvec(&records.freeze().unwrap()).unwrap();
    let thawed = Records::thaw(&postcard::from_bytes(&written).unwrap()).unwrap();
    thawed.check_invariants();
    thawed
}

#[test]
fn it_goes_on_where_it_was_wherever_a_record_is_cut() {
    let site = Site::new();
    for suite in TLS13_SUITES {
        let client = site.client_of(suite);
        let mut pair = Pair::connected(&site, &client);
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"under new keys").unwrap();
        let said = pair.client_says();
        let frozen = postcard::to_stdvec(&pair.server.records.freeze().unwrap()).unwrap();
        for cut in 0..=said.len() {
            let thawed = Records::thaw(&postcard::from_bytes(&frozen).unwrap()).unwrap();
            let outgoing = RecordBuffer::with_capacity(0);
            let mut server = Server { records: thawed, received: Vec::new(), outgoing };
            server.deliver(&said[..cut]).unwrap();
            server.records = carried(&server.records);
            server.deliver(&said[cut..]).unwrap();
            assert_eq!(server.received, b"under new keys", "{suite:?}, cut at {cut}");
        }
    }
}

#[test]
fn a_key_update_that_is_owed_is_sent_by_who_carries_it_on() {
    let site = Site::new();
    let mut pair = Pair::connected(&site, &site.client(&TLS13));
    pair.client.refresh_traffic_keys().unwrap();
    let said = pair.client_says();
    pair.server.deliver(&said).unwrap();
    for _ in 0..3 {
        pair.server.records = carried(&pair.server.records);
        pair.server.send(b"answer");
        assert_eq!(pair.client_hears().unwrap(), b"answer");
    }
    let frozen = pair.server.records.freeze().unwrap();
    assert_eq!((frozen.update_is_owed, frozen.next_sealed), (false, 3), "each answer has a number of its own");
}

#[test]
fn one_that_ends_or_that_rustls_has_is_not_carried_on() {
    let site = Site::new();
    let mut pair = Pair::connected(&site, &site.client(&TLS12));
    assert_eq!(pair.server.records.freeze().unwrap_err(), CannotFreeze::Tls12);
    let mut pair_13 = Pair::connected(&site, &site.client(&TLS13));
    pair_13.client.send_close_notify();
    for pair in [&mut pair, &mut pair_13] {
        pair.client.send_close_notify();
        let said = pair.client_says();
        pair.server.deliver(&said).unwrap();
        assert_eq!(pair.server.records.freeze().unwrap_err(), CannotFreeze::Ending);
    }
    let mut closed = Pair::connected(&site, &site.client(&TLS13));
    closed.server.records.close(&mut closed.server.outgoing).unwrap();
    assert_eq!(closed.server.records.freeze().unwrap_err(), CannotFreeze::Ending);
}

#[test]
fn nothing_secret_of_it_is_shown() {
    let site = Site::new();
    let frozen = Pair::connected(&site, &site.client(&TLS13)).server.records.freeze().unwrap();
    let shown = format!("{frozen:?}");
    assert!(shown.len() < 60, "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_said_meanwhile_its_peer_notices_nothing(
        steps in vec((0..6_u8, 1..40_000_usize, any::<proptest::sample::Index>()), 1..30),
        suite in 0..3_usize,
    ) {
        let site = Site::new();
        let mut pair = Pair::connected(&site, &site.client_of(TLS13_SUITES[suite]));
        let (mut said, mut heard, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        let mut wire = Vec::new();
        for (at, (step, size, cut)) in steps.into_iter().enumerate() {
            let message = vec![at as u8; size];
            match step {
                0 => pair.server.records = carried(&pair.server.records),
                1 => pair.client.refresh_traffic_keys().unwrap(),
                2 => {
                    pair.server.send(&message);
                    heard.extend_from_slice(&pair.client_hears().unwrap());
                    asked.extend_from_slice(&message);
                }
                3 => {
                    let Holder::Traffic(traffic) = &mut pair.server.records.holder else { panic!("no traffic") };
                    traffic.exhaust_key();
                }
                _ => {
                    pair.client.writer().write_all(&message).unwrap();
                    said.extend_from_slice(&message);
                }
            }
            wire.extend(pair.client_says());
            let now = cut.index(wire.len() + 1);
            let later = wire.split_off(now);
            pair.server.deliver(&wire).unwrap();
            wire = later;
            pair.server.records = carried(&pair.server.records);
        }
        pair.server.deliver(&wire).unwrap();
        heard.extend_from_slice(&pair.client_hears().unwrap());
        prop_assert!(pair.server.received == said);
        prop_assert!(heard == asked);
    }

    #[test]
    fn what_is_no_connection_is_refused(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok((frozen, _)) = postcard::take_from_bytes::<FrozenRecords>(&bytes)
            && let Ok(records) = Records::thaw(&frozen)
        {
            records.check_invariants();
        }
    }
}
