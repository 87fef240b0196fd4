//! What a lenient inspector lets pass, what a strict one says of it, and what neither does.

use super::tests::{assert_breaks, assert_passes, both, frame, plain, rules};
use super::*;

fn lenient(direction: Direction) -> Rules {
    Rules { strictness: Strictness::Lenient, ..rules(direction) }
}

/// The same frame, its length in a form of two or of eight more bytes; as it is where that form is too short.
pub(super) fn stretched(frame: &[u8], more: usize) -> Vec<u8> {
    let header = Header::parse(frame).unwrap().unwrap();
    let [first, second] = *frame.first_chunk().unwrap();
    let (form, length) = match more {
        2 if header.length <= u16::MAX.into() => (126, (header.length as u16).to_be_bytes().to_vec()),
        8 => (127, header.length.to_be_bytes().to_vec()),
        _ => return frame.to_vec(),
    };
    let mask = header.mask.map(Vec::from).unwrap_or_default();
    [&[first, second & 0x80 | form], &*length, &*mask, &frame[header.size..]].concat()
}

#[test]
fn a_length_in_a_longer_form_passes_as_it_came_where_that_is_let_pass() {
    for direction in both() {
        for more in [2, 8] {
            for (first, payload) in
                [(0x81, &b"text"[..]), (0x82, b""), (0x82, &[7; 300]), (0x89, &[7; 125]), (0x88, b"")]
            {
                let stretched = stretched(&frame(direction, first, payload), more);
                if stretched == frame(direction, first, payload) {
                    continue;
                }
                assert_breaks(rules(direction), std::slice::from_ref(&stretched), Violation::LengthNotMinimal);
                let seen = assert_passes(lenient(direction), &[stretched]);
                assert_eq!(seen.leniencies, [Leniency::FrameLength]);
                let said: Vec<_> = seen.controls.iter().map(|(_, said)| said.as_slice()).collect();
                assert_eq!(said, if first & 0x08 == 0 { vec![] } else { vec![payload] });
            }
        }
        let too_long = stretched(&frame(direction, 0x89, &[7; 125]), 2);
        let too_long = [&too_long[..2], &[0, 126], &too_long[4..], b"x"].concat();
        assert_breaks(lenient(direction), &[too_long], Violation::ControlTooLong);
    }
}

#[test]
fn a_masked_frame_of_an_endpoint_passes_as_it_came_where_that_is_let_pass() {
    let masked = |first, payload: &[u8]| frame(Direction::FromClient, first, payload);
    let frames = [masked(0x01, b"be"), masked(0x89, b"there?"), plain(0x00, b"tw"), masked(0x80, b"een")];
    assert_breaks(rules(Direction::FromUpstream), &frames[..1], Violation::Masked);
    let seen = assert_passes(lenient(Direction::FromUpstream), &frames);
    assert_eq!(seen.controls, [(ControlKind::Ping, b"there?".to_vec())]);
    assert_eq!((seen.messages, seen.leniencies), (1, vec![Leniency::Masked]));
    // What a mask hides is judged without it.
    let close = masked(0x88, &1005_u16.to_be_bytes());
    assert_breaks(lenient(Direction::FromUpstream), &[close], Violation::CloseCodeIllegal(1005));
    assert_breaks(lenient(Direction::FromClient), &[plain(0x81, b"bare")], Violation::NotMasked);
}

#[test]
fn frames_that_are_right_need_no_leniency() {
    for direction in both() {
        let frames = [frame(direction, 0x81, b"text"), frame(direction, 0x89, b""), frame(direction, 0x82, &[7; 126])];
        assert_eq!(assert_passes(lenient(direction), &frames).leniencies, []);
    }
}
