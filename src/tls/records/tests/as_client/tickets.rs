//! The tickets that a server sends us.

use super::*;

#[test]
fn tickets_that_come_when_rustls_is_gone_resume_the_next_session() {
    for tickets in [1, 2, 30] {
        let site = Site::changed(&TLS13, |config| config.send_tls13_tickets = tickets);
        let connect = || {
            let mut ends = Ends::connected(&site);
            assert!(matches!(ends.client.holder, Holder::Traffic(_)));
            assert_eq!(ends.client.unread(), 0);
            ends.send(b"question");
            assert_eq!(ends.server_hears().unwrap(), b"question");
            ends.server.handshake_kind()
        };
        assert_eq!(connect(), Some(HandshakeKind::Full));
        for _ in 0..3 {
            assert_eq!(connect(), Some(HandshakeKind::Resumed), "with {tickets} tickets");
        }
    }
}

#[test]
fn what_rustls_keeps_for_tickets_goes_with_the_first_data_or_the_last_ticket() {
    for (tickets, kept) in [(0, true), (2, true), (4, false), (30, false)] {
        let mut ends = Ends::connected(&Site::changed(&TLS13, |config| config.send_tls13_tickets = tickets));
        assert_eq!(ends.traffic().keeps_tickets(), kept, "{tickets}");
        ends.send(b"question");
        assert_eq!(ends.server_hears().unwrap(), b"question");
        assert_eq!(ends.traffic().keeps_tickets(), kept, "{tickets}");
        ends.server.writer().write_all(b"answer").unwrap();
        let said = ends.server_says();
        ends.deliver(&said).unwrap();

        assert!(!ends.traffic().keeps_tickets());
        assert_eq!(ends.received, b"answer");
    }
}

#[test]
fn tickets_behind_the_first_data_are_skipped_however_they_are_cut() {
    let site = Site::changed(&TLS13, |config| config.send_half_rtt_data = true);
    for step in [1, 100, usize::MAX] {
        let mut ends = Ends::new(&site);
        ends.server_hears().unwrap();
        ends.server.writer().write_all(b"first, ").unwrap();
        let said = ends.server_says();
        ends.deliver(&said).unwrap();
        ends.server_hears().unwrap();
        ends.server.refresh_traffic_keys().unwrap();
        ends.server.writer().write_all(b"then more").unwrap();
        for piece in ends.server_says().chunks(step) {
            ends.deliver(piece).unwrap();
        }

        assert_eq!(ends.received, b"first, then more");
        assert_eq!(ends.server.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn a_server_without_tickets_is_no_worse() {
    let site = Site::changed(&TLS13, |config| config.send_tls13_tickets = 0);
    for _ in 0..2 {
        assert_eq!(Ends::connected(&site).server.handshake_kind(), Some(HandshakeKind::Full));
    }
}
