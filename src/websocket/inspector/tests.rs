//! Every clause of RFC 6455 §5 and §7 that a frame can break, each cut at every offset.

use super::*;
use crate::websocket::{CloseCode, DeflateParameters, apply_mask};

pub(super) const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
pub(super) const OFF: u64 = u64::MAX;

pub(super) fn rules(direction: Direction) -> Rules {
    Rules {
        direction,
        extensions: Extensions::None,
        max_frame: OFF,
        max_message: OFF,
        max_fragments: OFF,
        strictness: Strictness::Strict,
    }
}

fn with(extensions: Extensions) -> Rules {
    Rules { extensions, ..rules(Direction::FromUpstream) }
}

fn deflate() -> Rules {
    with(Extensions::Deflate(DeflateParameters::default()))
}

/// A frame as `rules` want it: masked from the client.
pub(super) fn frame(direction: Direction, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(direction, first, payload.len() as u64);
    let mut payload = payload.to_vec();
    if direction == Direction::FromClient {
        apply_mask(&mut payload, MASK, 0);
    }
    frame.extend(payload);
    frame
}

pub(super) fn head(direction: Direction, first: u8, length: u64) -> Vec<u8> {
    let masked = if direction == Direction::FromClient { 0x80 } else { 0 };
    let mut head = vec![first];
    match length {
        0..=125 => head.push(masked | length as u8),
        126..=0xFFFF => {
            head.push(masked | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(masked | 127);
            head.extend(length.to_be_bytes());
        }
    }
    if masked != 0 {
        head.extend(MASK);
    }
    head
}

/// A frame from the endpoint.
pub(super) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Direction::FromUpstream, first, payload)
}

/// Everything that a whole stream gave, however it was cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// What passed, control frames included.
    passed: Vec<u8>,
    pub(super) controls: Vec<(ControlKind, Vec<u8>)>,
    pub(super) messages: u64,
    violation: Option<Violation>,
    /// Bytes that neither passed nor are judged.
    held: usize,
    at_boundary: bool,
    pub(super) leniencies: Vec<Leniency>,
}

/// Feeds `pieces` as a caller does: it keeps what did not pass, and offers it again with the next piece in front.
fn feed<'a>(rules: Rules, pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut inspector = Inspector::new(rules);
    let (mut passed, mut controls, mut messages, mut violation) = (vec![], vec![], 0, None);
    let mut pending: Vec<u8> = vec![];
    for piece in pieces {
        if violation.is_some() {
            break;
        }
        pending.extend(piece);
        loop {
            let scan = inspector.scan(&pending, OFF);
            messages += scan.messages;
            let mut size = scan.passed;
            match scan.then {
                Then::Control(control) => {
                    controls.push((control.kind, control.payload(&pending[size..]).to_vec()));
                    size += control.size;
                }
                Then::Violation(found) => violation = Some(found),
                Then::Exhausted => assert_eq!(size, pending.len()),
                Then::Incomplete => assert!((1..=138).contains(&(pending.len() - size)), "{}", pending.len() - size),
                Then::Budget | Then::Paused => panic!("nobody asked for {:?}", scan.then),
            }
            passed.extend(pending.drain(..size));
            if !matches!(scan.then, Then::Control(_)) {
                break;
            }
        }
    }
    let held = if violation.is_some() { 0 } else { pending.len() };
    let (at_boundary, leniencies) = (inspector.is_at_boundary(), inspector.leniencies().iter().collect());
    Seen { passed, controls, messages, violation, held, at_boundary, leniencies }
}

/// Feeds a stream whole, cut at every offset and byte by byte, and insists that nothing of it makes a difference.
fn inspect(rules: Rules, stream: &[u8]) -> Seen {
    let whole = feed(rules, [stream].into_iter());
    for cut in 0..=stream.len() {
        let (front, back) = stream.split_at(cut);
        assert_eq!(feed(rules, [front, back].into_iter()), whole, "cut at {cut}");
    }
    assert_eq!(feed(rules, stream.chunks(1)), whole, "byte by byte");
    assert_eq!(whole.passed, stream[..whole.passed.len()]);
    whole
}

#[track_caller]
pub(super) fn assert_passes(rules: Rules, frames: &[Vec<u8>]) -> Seen {
    let stream = frames.concat();
    let seen = inspect(rules, &stream);
    assert_eq!(seen.violation, None);
    assert_eq!(seen.passed.len(), stream.len());
    assert!(seen.at_boundary);
    seen
}

/// The frames before the last one pass whole, and nothing of the last one.
#[track_caller]
pub(super) fn assert_breaks(rules: Rules, frames: &[Vec<u8>], violation: Violation) {
    let (last, before) = frames.split_last().unwrap();
    let seen = inspect(rules, &frames.concat());
    assert_eq!(seen.violation, Some(violation), "{last:02x?}");
    assert_eq!(seen.passed, before.concat(), "{last:02x?}");
    assert!(seen.at_boundary);
}

/// Both directions; RFC 6455 §5.7 has these examples.
pub(super) fn both() -> [Direction; 2] {
    [Direction::FromClient, Direction::FromUpstream]
}

#[test]
fn stays_small() {
    assert!(size_of::<Inspector>() <= 64, "{}", size_of::<Inspector>());
    assert!(size_of::<Scan>() <= 64, "{}", size_of::<Scan>());
}

#[test]
fn passes_the_examples_of_the_rfc() {
    let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let masked_hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let seen = assert_passes(rules(Direction::FromUpstream), &[hello.to_vec()]);
    assert_eq!(seen.messages, 1);
    assert_passes(rules(Direction::FromClient), &[masked_hello.to_vec()]);

    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let seen = assert_passes(rules(Direction::FromUpstream), &[ping.to_vec()]);
    assert_eq!(seen.controls, [(ControlKind::Ping, b"Hello".to_vec())]);
    let masked_pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let seen = assert_passes(rules(Direction::FromClient), &[masked_pong.to_vec()]);
    assert_eq!(seen.controls, [(ControlKind::Pong, b"Hello".to_vec())]);
}

#[test]
fn passes_messages_of_every_length_form() {
    for direction in both() {
        let frames: Vec<_> = [0, 1, 125, 126, 300].map(|size| frame(direction, 0x82, &vec![7; size])).into();
        assert_eq!(assert_passes(rules(direction), &frames).messages, 5);
    }
    for size in [65_535, 65_536, 70_000] {
        let stream = plain(0x82, &vec![7; size]);
        let seen = feed(rules(Direction::FromUpstream), stream.chunks(1_000));
        assert_eq!((seen.violation, seen.passed.len()), (None, stream.len()));
    }
}

#[test]
fn passes_control_frames_between_fragments_and_keeps_counting() {
    for direction in both() {
        let frames = [
            frame(direction, 0x01, b"one"),
            frame(direction, 0x89, b"ping"),
            frame(direction, 0x00, b""),
            frame(direction, 0x8A, b""),
            frame(direction, 0x80, b"three"),
            frame(direction, 0x82, b"next"),
            frame(direction, 0x88, b"\x03\xe8bye"),
        ];
        let seen = assert_passes(rules(direction), &frames);
        assert_eq!(seen.messages, 2);
        assert_eq!(
            seen.controls,
            [
                (ControlKind::Ping, b"ping".to_vec()),
                (ControlKind::Pong, vec![]),
                (ControlKind::Close(CloseCode::new(1000)), b"\x03\xe8bye".to_vec()),
            ]
        );
        let limits = Rules { max_message: 7, ..rules(direction) };
        assert_breaks(limits, &frames[..5], Violation::MessageTooBig(7));
        let limits = Rules { max_fragments: 2, ..rules(direction) };
        assert_breaks(limits, &frames[..5], Violation::TooManyFragments(2));
    }
}

#[test]
fn breaks_5_1_masking() {
    for payload in [&b""[..], b"x"] {
        for first in [0x81, 0x89] {
            let unmasked = frame(Direction::FromUpstream, first, payload);
            assert_breaks(rules(Direction::FromClient), &[unmasked], Violation::NotMasked);
            let masked = frame(Direction::FromClient, first, payload);
            assert_breaks(rules(Direction::FromUpstream), &[masked], Violation::Masked);
        }
    }
}

#[test]
fn breaks_5_2_reserved_bits() {
    for rsv in [0x10, 0x20, 0x40, 0x70] {
        for first in [0x81, 0x01, 0x82, 0x88, 0x89, 0x8A] {
            assert_breaks(with(Extensions::None), &[plain(first | rsv, b"")], Violation::ReservedBits);
        }
        let frames = [plain(0x01, b"a"), plain(0x80 | rsv, b"b")];
        assert_breaks(with(Extensions::None), &frames, Violation::ReservedBits);
    }
}

#[test]
fn breaks_5_2_reserved_opcodes() {
    for opcode in (3..=7).chain(11..=15) {
        for fin in [0x00, 0x80] {
            assert_breaks(with(Extensions::None), &[plain(fin | opcode, b"")], Violation::ReservedOpcode(opcode));
            let frames = [plain(0x01, b"a"), plain(fin | opcode, b"")];
            assert_breaks(deflate(), &frames, Violation::ReservedOpcode(opcode));
        }
    }
}

#[test]
fn breaks_5_2_lengths() {
    let frames = [plain(0x81, b"fine"), vec![0x82, 126, 0, 125]];
    assert_breaks(rules(Direction::FromUpstream), &frames, Violation::LengthNotMinimal);
    let frames = [plain(0x81, b"fine"), vec![0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255]];
    assert_breaks(rules(Direction::FromUpstream), &frames, Violation::LengthNotMinimal);
    let frames = [plain(0x81, b"fine"), vec![0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0]];
    assert_breaks(rules(Direction::FromUpstream), &frames, Violation::LengthTooLarge);
}

#[test]
fn passes_the_header_of_the_largest_frame() {
    for direction in both() {
        let stream = [head(direction, 0x82, u64::MAX >> 1), b"and so on".to_vec()].concat();
        let seen = inspect(rules(direction), &stream);
        assert_eq!((seen.violation, seen.passed.len(), seen.at_boundary), (None, stream.len(), false));
    }
}

#[test]
fn breaks_5_4_fragmentation() {
    for direction in both() {
        for first in [0x00, 0x80] {
            assert_breaks(rules(direction), &[frame(direction, first, b"x")], Violation::NothingToContinue);
            let frames = [frame(direction, 0x82, b"whole"), frame(direction, first, b"x")];
            assert_breaks(rules(direction), &frames, Violation::NothingToContinue);
        }
        for first in [0x01, 0x81, 0x02, 0x82] {
            let frames = [frame(direction, 0x01, b"open"), frame(direction, first, b"x")];
            assert_breaks(rules(direction), &frames, Violation::MessageUnfinished);
            let between = frame(direction, 0x89, b"");
            let frames = [frame(direction, 0x01, b""), between, frame(direction, first, b"x")];
            assert_breaks(rules(direction), &frames, Violation::MessageUnfinished);
        }
    }
}

#[test]
fn breaks_5_5_control_frames() {
    for extensions in [Extensions::None, Extensions::Deflate(DeflateParameters::default()), Extensions::Unknown] {
        for opcode in [0x08, 0x09, 0x0A] {
            assert_breaks(with(extensions), &[plain(opcode, b"")], Violation::ControlFragmented);
            assert_breaks(with(extensions), &[plain(0x80 | opcode, &[b'x'; 126])], Violation::ControlTooLong);
            let body = [b"\x03\xe8".as_slice(), &[b'x'; 123]].concat();
            assert_passes(with(extensions), &[plain(0x80 | opcode, &body)]);
        }
    }
}

#[test]
fn breaks_5_5_1_and_7_4_close_bodies() {
    let cases: &[(&[u8], Violation)] = &[
        (b"\x03", Violation::CloseBodyTooShort),
        (&1004u16.to_be_bytes(), Violation::CloseCodeIllegal(1004)),
        (&1005u16.to_be_bytes(), Violation::CloseCodeIllegal(1005)),
        (&1006u16.to_be_bytes(), Violation::CloseCodeIllegal(1006)),
        (&1015u16.to_be_bytes(), Violation::CloseCodeIllegal(1015)),
        (&999u16.to_be_bytes(), Violation::CloseCodeIllegal(999)),
        (&2000u16.to_be_bytes(), Violation::CloseCodeIllegal(2000)),
        (&5000u16.to_be_bytes(), Violation::CloseCodeIllegal(5000)),
        (b"\x03\xe8\xc3\x28", Violation::CloseReasonNotUtf8),
    ];
    for direction in both() {
        for (body, violation) in cases {
            let frames = [frame(direction, 0x81, b"last words"), frame(direction, 0x88, body)];
            assert_breaks(rules(direction), &frames, *violation);
        }
        let seen = assert_passes(rules(direction), &[frame(direction, 0x88, b"")]);
        assert_eq!(seen.controls, [(ControlKind::Close(None), vec![])]);
    }
}

#[test]
fn breaks_5_5_1_data_after_close() {
    for first in [0x81, 0x82, 0x01, 0x80, 0x00] {
        let frames = [plain(0x01, b"open"), plain(0x88, b""), plain(first, b"x")];
        assert_breaks(rules(Direction::FromUpstream), &frames, Violation::DataAfterClose);
    }
    let frames = [plain(0x88, b""), plain(0x83, b"x")];
    assert_breaks(with(Extensions::Unknown), &frames, Violation::DataAfterClose);
    assert_passes(rules(Direction::FromUpstream), &[plain(0x88, b""), plain(0x89, b""), plain(0x8A, b"")]);
}

#[test]
fn takes_rsv1_on_the_first_frame_of_a_message_when_deflate_is_in_use() {
    assert_passes(deflate(), &[plain(0xC1, b"x"), plain(0x81, b"x"), plain(0x41, b"x"), plain(0x80, b"x")]);
    let frames = [plain(0x41, b"x"), plain(0xC0, b"x")];
    assert_breaks(deflate(), &frames, Violation::CompressedContinuation);
    for opcode in [8, 9, 10] {
        assert_breaks(deflate(), &[plain(0xC0 | opcode, b"")], Violation::CompressedControl);
    }
    for rsv in [0x10, 0x20, 0x50, 0x60] {
        assert_breaks(deflate(), &[plain(0x81 | rsv, b"")], Violation::ReservedBits);
        assert_breaks(deflate(), &[plain(0x01, b""), plain(0x80 | rsv, b"")], Violation::ReservedBits);
        assert_breaks(deflate(), &[plain(0x89 | rsv, b"")], Violation::ReservedBits);
    }
}

#[test]
fn passes_what_an_unknown_extension_may_mean() {
    let rules = with(Extensions::Unknown);
    let frames = [
        plain(0xF1, b"x"),
        plain(0x51, b"open"),
        plain(0x93, b"opaque, and no fragment"),
        plain(0x04, b"opaque"),
        plain(0xA0, b"end"),
        plain(0xF9, b"ping"),
        plain(0x8B, b"control"),
        plain(0x98, b"\x03"),
    ];
    let seen = assert_passes(rules, &frames);
    assert_eq!(seen.messages, 4, "an opaque frame is held to what a message is held to");
    assert_eq!(
        seen.controls,
        [
            (ControlKind::Ping, b"ping".to_vec()),
            (ControlKind::Opaque(11), b"control".to_vec()),
            (ControlKind::Close(None), b"\x03".to_vec()),
        ]
    );
    assert_breaks(rules, &[plain(0x0B, b"")], Violation::ControlFragmented);
    assert_breaks(rules, &[plain(0x8F, &[0; 126])], Violation::ControlTooLong);
    assert_breaks(rules, &[plain(0x88, b"\x03")], Violation::CloseBodyTooShort);
    assert_breaks(Rules { max_frame: 3, ..rules }, &[plain(0x83, b"four")], Violation::FrameTooBig(3));
    assert_breaks(Rules { max_message: 3, ..rules }, &[plain(0x83, b"four")], Violation::MessageTooBig(3));
    assert_eq!(Inspector::new(rules).scan(&plain(0x83, b"one too many"), 0).then, Then::Budget);
}
