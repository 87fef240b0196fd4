//! The limits on frames and messages, and what is not blamed on them.

use super::tests::{OFF, assert_breaks, assert_passes, both, frame, head, plain, rules};
use super::*;

#[test]
fn counts_a_message_of_many_of_the_largest_frames_without_overflow() {
    let limits = Rules { max_message: u64::MAX - 1, ..rules(Direction::FromUpstream) };
    let mut inspector = Inspector::new(limits);
    inspector.message = MessageState::Unfinished;
    inspector.message_size = u64::MAX - 2;
    inspector.fragments = 2;
    let scan = inspector.scan(&head(Direction::FromUpstream, 0x80, u64::MAX >> 1), OFF);
    assert_eq!(scan.then, Then::Violation(Violation::MessageTooBig(u64::MAX - 1)));
    inspector.max_message = OFF;
    let scan = inspector.scan(&head(Direction::FromUpstream, 0x80, u64::MAX >> 1), OFF);
    assert_eq!((scan.then, inspector.message_size), (Then::Exhausted, u64::MAX));
}

#[test]
fn holds_frames_and_messages_to_their_limits() {
    for direction in both() {
        let limits = Rules { max_frame: 5, max_message: 8, max_fragments: 3, ..rules(direction) };
        assert_passes(
            limits,
            &[
                frame(direction, 0x01, b"12345"),
                frame(direction, 0x00, b""),
                frame(direction, 0x80, b"678"),
                frame(direction, 0x82, b"12345"),
                frame(direction, 0x89, b"longer than max_frame"),
            ],
        );
        assert_breaks(limits, &[frame(direction, 0x82, b"123456")], Violation::FrameTooBig(5));
        let frames = [frame(direction, 0x01, b"12345"), frame(direction, 0x80, b"6789")];
        assert_breaks(limits, &frames, Violation::MessageTooBig(8));
        let frames = [0x01, 0x00, 0x00, 0x80].map(|first| frame(direction, first, b""));
        assert_breaks(limits, &frames, Violation::TooManyFragments(3));
        let limits = Rules { max_message: 3, ..rules(direction) };
        assert_breaks(limits, &[frame(direction, 0x81, b"four")], Violation::MessageTooBig(3));
    }
}

#[test]
fn what_breaks_the_rfc_is_not_blamed_on_a_limit() {
    let limits = Rules { max_frame: 1, max_message: 1, ..rules(Direction::FromUpstream) };
    assert_breaks(limits, &[plain(0x80, b"long")], Violation::NothingToContinue);
    assert_breaks(limits, &[plain(0x83, b"long")], Violation::ReservedOpcode(3));
    assert_breaks(limits, &[plain(0xC1, b"long")], Violation::ReservedBits);
}
