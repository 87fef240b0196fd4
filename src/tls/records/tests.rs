//! Against rustls' own client, in memory, cut anywhere; and against records made by hand.

mod as_client;
mod by_hand;
mod challenge;
mod early_data;
mod frozen;
mod key_changes;
mod pair;

use std::io::{Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, HandshakeKind, SupportedCipherSuite, SupportedProtocolVersion};

use self::pair::{Pair, Server, Site};
use super::*;
use crate::tls::{MAX_RECORD, RECORD_OVERHEAD, RECORD_PAYLOAD, RefusedName};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const TLS13_SUITES: [SupportedCipherSuite; 3] =
    [TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];

#[test]
fn a_handshake_may_be_cut_anywhere() {
    let site = Site::new();
    for version in VERSIONS {
        let client = site.client(version);
        let flights = Pair::new(&site, &client).flights();
        for (flight, length) in flights.into_iter().enumerate() {
            for cut in 0..=length {
                let mut pair = Pair::new(&site, &client);
                for turn in 0..2 {
                    let said = pair.client_says();
                    let cut = if turn == flight { cut.min(said.len()) } else { 0 };
                    pair.server.deliver(&said[..cut]).unwrap();
                    pair.server.deliver(&said[cut..]).unwrap();
                    pair.client_hears().unwrap();
                }
                assert!(!pair.server.records.is_handshaking() && !pair.client.is_handshaking());
                assert_eq!(pair.server.records.unread(), 0);
            }
        }
    }
}

#[test]
fn a_name_that_is_refused_is_told_by_an_alert_of_its_own() {
    let site = Site::refusing_unknown_names();
    for version in VERSIONS {
        let client = site.client(version);
        let nameless = client.with(|config| config.enable_sni = false);
        for (name, client, refused, alert) in [
            ("other.test", &client, RefusedName::Unknown, AlertDescription::UnrecognisedName),
            ("site.test", &nameless, RefusedName::Missing, AlertDescription::MissingExtension),
        ] {
            let mut pair = Pair { client: client.connect(name), server: Server::new(&site) };
            let said = pair.client_says();
            let error = pair.server.deliver(&said).unwrap_err();
            assert_eq!(RefusedName::behind(&error), Some(refused));
            assert_eq!(pair.client_hears(), Err(Error::AlertReceived(alert)));
        }
        Pair::connected(&site, &client);
    }
}

#[test]
fn everything_may_come_byte_by_byte() {
    let site = Site::new();
    for version in VERSIONS {
        // Handshake messages in pieces of 27 bytes, too.
        let client = site.client(version).with(|config| config.max_fragment_size = Some(32));
        let mut pair = Pair::new(&site, &client);
        while pair.server.records.is_handshaking() || pair.client.is_handshaking() {
            for byte in pair.client_says() {
                pair.server.deliver(&[byte]).unwrap();
            }
            pair.client_hears().unwrap();
        }

        pair.client.writer().write_all(&[7; 5000]).unwrap();
        pair.client.send_close_notify();
        for byte in pair.client_says() {
            pair.server.deliver(&[byte]).unwrap();
        }

        assert_eq!(pair.server.received, [7; 5000]);
        assert!(pair.server.records.has_ended());
        assert_eq!(pair.server.records.unread(), 0);
    }
}

#[test]
fn many_records_may_come_at_once() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));
        for piece in 0..50_u8 {
            pair.client.writer().write_all(&[piece; 300]).unwrap();
            if version.version == TLS13.version && piece % 10 == 0 {
                pair.client.refresh_traffic_keys().unwrap();
            }
        }
        pair.client.send_close_notify();

        let said = pair.client_says();
        pair.server.deliver(&said).unwrap();

        let expected: Vec<u8> = (0..50).flat_map(|piece| [piece; 300]).collect();
        assert_eq!(pair.server.received, expected);
        assert!(pair.server.records.has_ended());
    }
}

#[test]
fn what_is_sent_arrives_in_full_records() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));
        let sent: Vec<u8> = (0..4 * RECORD_PAYLOAD).map(|n| n as u8).collect();

        pair.server.records.send(&sent, &mut pair.server.outgoing).unwrap();

        assert!(pair.server.outgoing.filled().len() <= 4 * (RECORD_PAYLOAD + RECORD_OVERHEAD));
        assert_eq!(pair.client_hears().unwrap(), sent);
    }
}

#[test]
fn what_comes_right_behind_the_handshake_is_under_its_keys() {
    let site = Site::new();
    // A client that does not resume is sent no ticket, so that nothing comes between its last flight and its data.
    let forgetful = |config: &mut ClientConfig| config.resumption = Resumption::disabled();
    for client in [site.client(&TLS13), site.client(&TLS13).with(forgetful)] {
        for step in [1, 7, usize::MAX] {
            let mut pair = Pair::new(&site, &client);
            let hello = pair.client_says();
            pair.server.deliver(&hello).unwrap();
            pair.client_hears().unwrap();

            pair.client.writer().write_all(b"at once, ").unwrap();
            pair.client.refresh_traffic_keys().unwrap();
            pair.client.writer().write_all(b"and under other keys").unwrap();
            pair.client.send_close_notify();
            for piece in pair.client_says().chunks(step) {
                pair.server.deliver(piece).unwrap();
            }

            assert_eq!(pair.server.received, b"at once, and under other keys");
            assert!(pair.server.records.has_ended());
            pair.server.send(b"answer");
            assert_eq!(pair.client_hears().unwrap(), b"answer");
        }
    }
}

#[test]
fn a_long_handshake_leaves_no_long_buffer() {
    let site = Site::new();
    // An ALPN of many names makes the ClientHello long.
    let names = (0..250_u8).map(|name| vec![name; 240]).chain([b"http/1.1".to_vec()]).collect();
    let client = site.client(&TLS13).with(|config| config.alpn_protocols = names);
    let mut pair = Pair::new(&site, &client);
    for piece in pair.client_says().chunks(50_000) {
        pair.server.deliver(piece).unwrap();
    }
    pair.client_hears().unwrap();
    pair.client.writer().write_all(b"data").unwrap();
    let said = pair.client_says();
    let (most, rest) = said.split_at(said.len() - 1);

    pair.server.deliver(most).unwrap();
    assert!(pair.server.records.unread.capacity() <= MAX_RECORD);
    pair.server.deliver(rest).unwrap();

    assert_eq!(pair.server.received, b"data");
}

#[test]
fn each_side_closes_when_it_is_done() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));

        pair.client.send_close_notify();
        let mut said = pair.client_says();
        said.extend_from_slice(b"does not count any more");
        pair.server.deliver(&said).unwrap();
        assert!(pair.server.records.has_ended());
        pair.server.deliver(b"nor does this").unwrap();

        pair.server.send(b"still open");
        assert_eq!(pair.client_hears().unwrap(), b"still open");
        for _ in 0..2 {
            pair.server.records.close(&mut pair.server.outgoing).unwrap();
        }
        assert!(!pair.server.outgoing.filled().is_empty());
        assert_eq!(pair.client_hears().unwrap(), b"");
        assert_eq!(pair.client.reader().read(&mut [0]).unwrap(), 0, "the client has seen the end");
        assert!(pair.server.records.send(b"too late", &mut pair.server.outgoing).is_err());
    }
}

#[test]
fn after_our_close_the_peer_is_still_heard() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));
        pair.server.records.close(&mut pair.server.outgoing).unwrap();

        pair.client.writer().write_all(b"last words").unwrap();
        pair.client.send_close_notify();
        let said = pair.client_says();
        pair.server.deliver(&said).unwrap();

        assert_eq!(pair.server.received, b"last words");
        assert!(pair.server.records.has_ended());
    }
}

#[test]
fn sessions_resume_by_ticket() {
    let site = Site::new();
    for version in VERSIONS {
        let client = site.client(version);
        let kind = || Pair::connected(&site, &client).client.handshake_kind();

        assert_eq!(kind(), Some(HandshakeKind::Full));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
    }
}

#[test]
fn a_forged_record_is_answered_by_an_alert_and_what_was_before_it_counts() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));
        pair.client.writer().write_all(b"true").unwrap();
        let mut said = pair.client_says();
        pair.client.writer().write_all(b"false").unwrap();
        said.append(&mut pair.client_says());
        *said.last_mut().unwrap() ^= 1;

        assert_eq!(pair.server.deliver(&said), Err(Error::DecryptError));

        assert_eq!(pair.server.received, b"true");
        assert_eq!(pair.client_hears(), Err(Error::AlertReceived(AlertDescription::BadRecordMac)));
        assert_eq!(pair.server.deliver(&said), Err(Error::DecryptError), "it stays broken");
        assert_eq!(pair.server.records.send(b"x", &mut pair.server.outgoing), Err(Error::DecryptError));
        pair.server.records.close(&mut pair.server.outgoing).unwrap();
        assert!(pair.server.outgoing.filled().is_empty(), "the alert was the last word");
    }
}

#[test]
fn what_is_not_tls_is_answered_by_an_alert() {
    let site = Site::new();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff]] {
        let mut server = Server::new(&site);

        assert!(matches!(server.deliver(garbage), Err(Error::InvalidMessage(_))), "{garbage:?}");

        let alert = server.outgoing.filled();
        assert_eq!((alert.len(), alert[0]), (7, 21), "{garbage:?}");
    }
}

#[test]
fn a_client_that_agrees_on_nothing_is_told_so() {
    let site = Site::new();
    let client = site.client(&TLS13).with(|config| config.alpn_protocols = vec![b"h2".to_vec()]);
    let mut pair = Pair::new(&site, &client);
    let said = pair.client_says();

    assert_eq!(pair.server.deliver(&said), Err(Error::NoApplicationProtocol));

    assert_eq!(pair.client_hears(), Err(Error::AlertReceived(AlertDescription::NoApplicationProtocol)));
}

#[test]
fn a_peer_cannot_make_us_keep_more_than_the_bound() {
    let site = Site::new();
    let mut server = Server::new(&site);
    let announced = server.deliver(&[0x16, 3, 1, 0, 4, 1, 1, 0, 0]);
    assert_eq!(announced, Err(Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge)));

    let mut server = Server::new(&site);
    // A ClientHello of 64 KiB, a byte to a record: rustls can let none of them go.
    let mut body = [1, 0, 0xff, 0xff].into_iter().chain(std::iter::repeat(0));
    let failure = loop {
        let record = [0x16, 3, 1, 0, 1, body.next().unwrap()];
        let outcome = server.deliver(&record);
        assert!(server.records.unread() <= MAX_UNREAD);
        if let Err(error) = outcome {
            break error;
        }
    };

    assert_eq!(failure, Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge));
    assert_eq!(server.records.unread(), 0);
}

#[test]
fn an_idle_connection_keeps_nothing() {
    let site = Site::new();
    for version in VERSIONS {
        let mut pair = Pair::connected(&site, &site.client(version));
        pair.client.writer().write_all(&[1; 40_000]).unwrap();
        let said = pair.client_says();
        pair.server.deliver(&said[..30_000]).unwrap();
        assert!(pair.server.records.unread.capacity() > 0);

        pair.server.deliver(&said[30_000..]).unwrap();

        assert_eq!(pair.server.records.unread.capacity(), 0);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    RefreshKeys,
    Answer(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_cuts_both_ends_read_what_was_written(
        steps in vec(prop_oneof![
            (1_usize..40_000).prop_map(Step::Write),
            Just(Step::RefreshKeys),
            (1_usize..70_000).prop_map(Step::Answer),
        ], 1..12),
        cuts in vec(1_usize..20_000, 1..20),
        tls13: bool,
    ) {
        let site = Site::new();
        let mut pair = Pair::connected(&site, &site.client(if tls13 { &TLS13 } else { &TLS12 }));
        let (mut written, mut answered, mut heard) = (Vec::new(), Vec::new(), Vec::new());
        let mut cuts = cuts.into_iter().cycle();
        let mut wire = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Write(length) => {
                    let bytes = vec![number as u8; length];
                    pair.client.writer().write_all(&bytes).unwrap();
                    written.extend(bytes);
                }
                Step::RefreshKeys if tls13 => pair.client.refresh_traffic_keys().unwrap(),
                Step::RefreshKeys => {}
                Step::Answer(length) => {
                    let bytes = vec![number as u8; length];
                    pair.server.send(&bytes);
                    answered.extend(bytes);
                    heard.extend(pair.client_hears().unwrap());
                }
            }
            wire.append(&mut pair.client_says());
            let cut = cuts.next().unwrap().min(wire.len());
            pair.server.deliver(&wire[..cut]).unwrap();
            wire.drain(..cut);
            prop_assert!(pair.server.records.unread() <= MAX_RECORD);
        }
        while !wire.is_empty() {
            let cut = cuts.next().unwrap().min(wire.len());
            pair.server.deliver(&wire[..cut]).unwrap();
            wire.drain(..cut);
        }
        prop_assert!(pair.server.received == written);
        prop_assert!(heard == answered);
        prop_assert_eq!(pair.server.records.unread(), 0);
    }
}
