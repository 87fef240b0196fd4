//! What a caller asks of a scan, and what an observer sees of it.

use super::tests::{OFF, plain, rules};
use super::*;

#[test]
fn begins_no_more_messages_than_asked_for() {
    let stream =
        [plain(0x01, b"a"), plain(0x80, b"b"), plain(0x82, b"c"), plain(0x89, b""), plain(0x82, b"d")].concat();
    let mut inspector = Inspector::new(rules(Direction::FromUpstream));
    assert_eq!(inspector.scan(&stream, 0), Scan { passed: 0, messages: 0, then: Then::Budget });
    assert!(inspector.is_at_boundary());
    let scan = inspector.scan(&stream, 1);
    assert_eq!((scan.passed, scan.messages, scan.then), (6, 1, Then::Budget));
    let scan = inspector.scan(&stream[6..], 1);
    assert_eq!((scan.passed, scan.messages), (3, 1));
    assert!(matches!(scan.then, Then::Control(_)), "control frames need no budget");
    assert_eq!(inspector.scan(&stream[11..], 0).then, Then::Budget);
    let scan = inspector.scan(&stream[11..], 5);
    assert_eq!((scan.passed, scan.messages, scan.then), (3, 1, Then::Exhausted));
    assert_eq!(inspector.scan(&[0x80, 0], 0).then, Then::Violation(Violation::NothingToContinue));
}

#[test]
fn knows_where_a_frame_of_ours_may_stand() {
    let stream = [plain(0x01, b"ab"), plain(0x80, b"c")].concat();
    let mut inspector = Inspector::new(rules(Direction::FromUpstream));
    let mut at = vec![];
    let mut from = 0;
    for to in 0..=stream.len() {
        from += inspector.scan(&stream[from..to], OFF).passed;
        at.push((from, inspector.is_at_boundary()));
    }
    assert_eq!(at, [(0, true), (0, true), (2, false), (3, false), (4, true), (4, true), (6, false), (7, true)]);
}

/// Takes at most `budget` bytes a piece, and notes what it saw.
struct Slow {
    budget: usize,
    seen: Vec<u8>,
    frames: usize,
    ends: usize,
    fail_at: usize,
}

impl Observe for Slow {
    fn on_frame(&mut self, _: &Header) {
        self.frames += 1;
    }

    fn on_payload(&mut self, payload: &[u8], last: bool) -> Result<usize, Violation> {
        let take = payload.len().min(self.budget);
        if self.seen.len() + take >= self.fail_at {
            return Err(Violation::InflatedTooBig(1));
        }
        self.seen.extend(&payload[..take]);
        self.ends += usize::from(last && take == payload.len());
        Ok(take)
    }
}

fn slow(budget: usize, fail_at: usize) -> Slow {
    Slow { budget, seen: vec![], frames: 0, ends: 0, fail_at }
}

#[test]
fn an_observer_sees_every_payload_byte_once_and_every_end() {
    let stream =
        [plain(0x01, b"abc"), plain(0x89, b"ping"), plain(0x00, b""), plain(0x80, b""), plain(0x82, b"defgh")].concat();
    for cut in 1..=stream.len() {
        for budget in 1..=6 {
            let mut observer = slow(budget, usize::MAX);
            let mut inspector = Inspector::new(rules(Direction::FromUpstream));
            let (mut at, mut end) = (0, cut);
            while at < stream.len() {
                let scan = inspector.scan_observed(&stream[at..end], OFF, &mut observer);
                at += scan.passed;
                match scan.then {
                    Then::Control(control) => at += control.size,
                    Then::Paused => {}
                    Then::Exhausted | Then::Incomplete => end = (end + cut).min(stream.len()),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((observer.seen.as_slice(), observer.frames, observer.ends), (&b"abcdefgh"[..], 4, 2));
        }
    }
}

#[test]
fn what_an_observer_refuses_does_not_pass() {
    let stream = [plain(0x82, b"abc"), plain(0x82, b"d")].concat();
    let mut inspector = Inspector::new(rules(Direction::FromUpstream));
    let scan = inspector.scan_observed(&stream, OFF, &mut slow(9, 4));
    assert_eq!((scan.passed, scan.then), (7, Then::Violation(Violation::InflatedTooBig(1))));
    assert!(!inspector.is_at_boundary());

    let stream = [plain(0x02, b"abc"), plain(0x80, b"")].concat();
    let mut inspector = Inspector::new(rules(Direction::FromUpstream));
    assert_eq!(inspector.scan_observed(&stream[..5], OFF, &mut slow(9, 4)).passed, 5);
    let scan = inspector.scan_observed(&stream[5..], OFF, &mut slow(9, 0));
    assert_eq!((scan.passed, scan.then), (0, Then::Violation(Violation::InflatedTooBig(1))));
    assert!(inspector.is_at_boundary(), "the last frame is empty and did not pass");
    inspector.lift_limits();
    let scan = inspector.scan(&stream[5..], OFF);
    assert_eq!((scan.passed, scan.then), (2, Then::Exhausted), "it is still the end of that message");
}
