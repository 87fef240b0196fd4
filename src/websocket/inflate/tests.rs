use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::websocket::{Extensions, Inspector, Rules, Strictness, Then};

const MASK: [u8; 4] = [0xA5, 0x5A, 0x0F, 0xF1];
const OFF: u64 = u64::MAX;

fn parameters(no_takeover: bool) -> DeflateParameters {
    DeflateParameters {
        client_no_context_takeover: no_takeover,
        server_no_context_takeover: no_takeover,
        ..DeflateParameters::default()
    }
}

fn rules(direction: Direction, extensions: Extensions) -> Rules {
    let strictness = Strictness::Strict;
    Rules { direction, extensions, max_frame: OFF, max_message: OFF, max_fragments: OFF, strictness }
}

pub(super) fn frame(direction: Direction, first: u8, payload: &[u8]) -> Vec<u8> {
    let masked = direction == Direction::FromClient;
    let mut frame = vec![first, if masked { 0xFF } else { 0x7F }];
    match payload.len() {
        size @ 0..126 => frame[1] = frame[1] & 0x80 | size as u8,
        size @ 126..0x10000 => {
            frame[1] = frame[1] & 0x80 | 126;
            frame.extend((size as u16).to_be_bytes());
        }
        size => frame.extend((size as u64).to_be_bytes()),
    }
    let mut payload = payload.to_vec();
    if masked {
        frame.extend(MASK);
        apply_mask(&mut payload, MASK, 0);
    }
    frame.extend(payload);
    frame
}

/// A sender of compressed messages.
pub(super) struct Sender {
    compress: Compress,
    no_takeover: bool,
}

impl Sender {
    pub(super) fn new(no_takeover: bool) -> Self {
        Self { compress: Compress::new(Compression::best(), false), no_takeover }
    }

    /// The payload of a message (RFC 7692 §7.2.1).
    pub(super) fn compress(&mut self, data: &[u8]) -> Vec<u8> {
        if self.no_takeover {
            self.compress.reset();
        }
        let mut payload = Vec::with_capacity(data.len() / 500 + 1_000 + data.len().min(100_000) * 2);
        self.compress.compress_vec(data, &mut payload, FlushCompress::Sync).unwrap();
        assert_eq!(payload.split_off(payload.len() - 4), TAIL);
        payload
    }
}

/// What became of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metered {
    pub(super) passed: usize,
    pub(super) violation: Option<Violation>,
    /// The size of the last message.
    size: u64,
}

/// A meter behind an inspector, as in a tunnel.
pub(super) struct Receiver {
    inspector: Inspector,
    pub(super) meter: InflateMeter,
}

impl Receiver {
    pub(super) fn new(direction: Direction, no_takeover: bool, max: u64) -> Self {
        let parameters = parameters(no_takeover);
        let inspector = Inspector::new(rules(direction, Extensions::Deflate(parameters)));
        Self { inspector, meter: InflateMeter::new(direction, &parameters, max) }
    }

    /// Takes a stream in pieces of `piece` bytes, with `budget` bytes of output in each scan.
    pub(super) fn take(&mut self, stream: &[u8], piece: usize, budget: usize) -> Metered {
        let Self { inspector, meter } = self;
        let mut scratch = MeterScratch::new();
        let (mut passed, mut end, mut violation) = (0, piece.min(stream.len()), None);
        let mut stuck = 0;
        while violation.is_none() && passed < stream.len() {
            let scan = inspector.scan_observed(&stream[passed..end], OFF, &mut meter.observe(&mut scratch, budget));
            passed += scan.passed;
            stuck = if scan.passed == 0 { stuck + 1 } else { 0 };
            assert!(stuck < 100_000, "no progress at {passed}");
            match scan.then {
                Then::Exhausted | Then::Incomplete => end = end.saturating_add(piece).min(stream.len()),
                Then::Paused => {}
                Then::Control(control) => passed += control.size,
                Then::Violation(found) => violation = Some(found),
                Then::Budget => panic!("nobody asked for it"),
            }
        }
        Metered { passed, violation, size: meter.size }
    }
}

/// Feeds a stream to somebody who has seen nothing before.
fn feed(direction: Direction, no_takeover: bool, max: u64, stream: &[u8], piece: usize, budget: usize) -> Metered {
    Receiver::new(direction, no_takeover, max).take(stream, piece, budget)
}

/// Text that compresses, but not to nothing.
pub(super) fn text(size: usize) -> Vec<u8> {
    (0u32..).flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761) >> 20).into_bytes()).take(size).collect()
}

fn both() -> [Direction; 2] {
    [Direction::FromClient, Direction::FromUpstream]
}

#[test]
fn counts_what_a_message_inflates_to() {
    for direction in both() {
        for size in [0, 1, 1_000, 16 * 1024, 100_000] {
            let data = text(size);
            let stream = frame(direction, 0xC1, &Sender::new(false).compress(&data));
            for (piece, budget) in [(1, 1), (7, 1_000), (4_096, 50_000), (usize::MAX, usize::MAX)] {
                let whole = Metered { passed: stream.len(), violation: None, size: size as u64 };
                assert_eq!(feed(direction, false, size as u64, &stream, piece, budget), whole, "{size}, {piece}");
                if let Some(less) = size.checked_sub(1) {
                    let metered = feed(direction, false, less as u64, &stream, piece, budget);
                    assert_eq!(metered.violation, Some(Violation::InflatedTooBig(less as u64)), "{size}, {piece}");
                    assert!(metered.passed < stream.len(), "not all of it passed");
                }
            }
        }
    }
}

#[test]
fn takes_the_context_over_unless_it_was_agreed_not_to() {
    for direction in both() {
        for no_takeover in [false, true] {
            let mut sender = Sender::new(no_takeover);
            let data = text(5_000);
            let payloads = [sender.compress(&data), sender.compress(&data), sender.compress(&data[..2_000])];
            assert_eq!(payloads[1].len() < 100, !no_takeover, "the second message refers to the first one");
            let stream = payloads.map(|payload| frame(direction, 0xC2, &payload)).concat();
            for piece in [1, 11, usize::MAX] {
                let metered = feed(direction, no_takeover, 5_000, &stream, piece, 1_000);
                assert_eq!(metered, Metered { passed: stream.len(), violation: None, size: 2_000 });
            }
        }
    }
}

#[test]
fn keeps_no_state_between_messages_without_context_takeover() {
    let mut scratch = MeterScratch::new();
    for no_takeover in [false, true] {
        let parameters = parameters(no_takeover);
        let extensions = Extensions::Deflate(parameters);
        let direction = Direction::FromUpstream;
        let rules = rules(direction, extensions);
        let mut inspector = Inspector::new(rules);
        let mut meter = InflateMeter::new(direction, &parameters, OFF);
        inspector.scan_observed(&frame(direction, 0x81, b"plain"), OFF, &mut meter.observe(&mut scratch, 1));
        assert!(meter.inflate.is_none(), "nothing was compressed yet");
        let message = frame(direction, 0xC1, &Sender::new(no_takeover).compress(b"compressed"));
        inspector.scan_observed(&message[..4], OFF, &mut meter.observe(&mut scratch, 100));
        assert!(meter.inflate.is_some());
        inspector.scan_observed(&message[4..], OFF, &mut meter.observe(&mut scratch, 100));
        assert_eq!(meter.inflate.is_none(), no_takeover);
    }
}

#[test]
fn meters_fragments_an_empty_last_one_and_plain_messages_between() {
    for direction in both() {
        let data = text(3_000);
        let mut sender = Sender::new(false);
        let payload = sender.compress(&data);
        let (front, back) = payload.split_at(payload.len() / 3);
        let again = sender.compress(&data[..1_000]);
        let stream = [
            frame(direction, 0x41, front),
            frame(direction, 0x89, b"ping"),
            frame(direction, 0x00, back),
            frame(direction, 0x80, b""),
            frame(direction, 0x82, &[7; 2_999]),
            frame(direction, 0xC1, &again),
        ]
        .concat();
        for piece in [1, 5, usize::MAX] {
            let whole = Metered { passed: stream.len(), violation: None, size: 1_000 };
            assert_eq!(feed(direction, false, 3_000, &stream, piece, 100), whole);
            let metered = feed(direction, false, 2_999, &stream, piece, 100);
            assert_eq!(metered.violation, Some(Violation::InflatedTooBig(2_999)));
        }
    }
    let plain = frame(Direction::FromUpstream, 0x82, &[7; 11]);
    let metered = feed(Direction::FromUpstream, false, 10, &plain, usize::MAX, 1);
    assert_eq!(metered.violation, Some(Violation::InflatedTooBig(10)));
}

#[test]
fn takes_the_examples_of_the_rfc() {
    // RFC 7692 §7.2.3.1, .2 (with the window of the first), .3, .4 and .5
    let first: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let second: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
    let stored: &[u8] = &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
    let last_block: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    let two_blocks: &[u8] = &[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];
    for direction in both() {
        let payloads = [first, second, stored, last_block, two_blocks, first];
        for count in 1..=payloads.len() {
            let stream: Vec<u8> =
                payloads[..count].iter().flat_map(|payload| frame(direction, 0xC1, payload)).collect();
            for piece in [1, usize::MAX] {
                let metered = feed(direction, false, 5, &stream, piece, 1);
                assert_eq!(metered, Metered { passed: stream.len(), violation: None, size: 5 }, "{count}");
            }
        }
    }
}

#[test]
fn a_broken_message_does_not_pass() {
    for direction in both() {
        for payload in [&[0xFF; 9][..], &[0x06, 0x00], &Sender::new(false).compress(&text(99))[3..]] {
            let stream = [frame(direction, 0x81, b"fine"), frame(direction, 0xC1, payload)].concat();
            let metered = feed(direction, false, OFF, &stream, usize::MAX, 9_000);
            assert_eq!(metered.violation, Some(Violation::DeflateCorrupt));
        }
    }
}

#[test]
fn a_bomb_is_stopped_in_small_steps() {
    let data = vec![0; 10 << 20];
    let bomb = frame(Direction::FromClient, 0xC2, &Sender::new(false).compress(&data));
    assert!(bomb.len() < 11_000);
    let parameters = parameters(false);
    let mut meter = InflateMeter::new(Direction::FromClient, &parameters, 8 << 20);
    let mut scratch = MeterScratch::new();
    let mut inspector = Inspector::new(rules(Direction::FromClient, Extensions::Deflate(parameters)));
    let (mut passed, mut scans) = (0, 0);
    let then = loop {
        let before = meter.size;
        let scan = inspector.scan_observed(&bomb[passed..], OFF, &mut meter.observe(&mut scratch, 64 << 10));
        assert!(meter.size - before <= 80 << 10, "a scan inflates no more than its budget and a scratch");
        passed += scan.passed;
        scans += 1;
        if scan.then != Then::Paused {
            break scan.then;
        }
    };
    assert_eq!(then, Then::Violation(Violation::InflatedTooBig(8 << 20)));
    assert!((100..=130).contains(&scans), "{scans}");
    assert!(passed < bomb.len() * 9 / 10, "what inflates to more than the limit did not pass");
}

#[test]
fn many_ends_of_deflate_streams_use_the_budget_up() {
    let ends: Vec<u8> = [0x03, 0x00].repeat(5_000);
    let stream = frame(Direction::FromUpstream, 0xC1, &ends);
    let mut meter = InflateMeter::new(Direction::FromUpstream, &parameters(false), OFF);
    let mut scratch = MeterScratch::new();
    let mut observer = meter.observe(&mut scratch, 64 << 10);
    observer.on_frame(&Header::parse(&stream).unwrap().unwrap());
    let taken = observer.on_payload(&ends, true).unwrap();
    assert!(taken <= 64 * 2, "{taken}");
}
