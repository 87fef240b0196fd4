//! The inspector against an independent parser: tungstenite's.
//!
//! Both get the same bytes. What a stream says, in order, must be the same, and both must refuse it at the same frame, but for
//! the rules that only one of them holds:
//!
//! | rule | held by |
//! |---|---|
//! | a length is in its shortest form | the inspector, unless it is lenient |
//! | a length is below 2⁶³ | the inspector |
//! | an endpoint does not mask | both, unless the inspector is lenient |
//! | the close code is one that may be sent | the inspector; tungstenite reports it as 1002 |
//! | 1014 may be sent | the inspector; tungstenite reports it as 1002 |
//! | text is UTF-8 | tungstenite; a proxy passes it on |
//! | nothing at all follows a Close | tungstenite; for the inspector no data does (golden cases) |
//!
//! The inspector judges a header at once, tungstenite when the whole frame is there (but for its size and opcode): a stream
//! that ends inside a frame may be refused by the inspector only.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use proptest::sample::Index;
use tungstenite::Message as Heard;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use super::lenient::stretched;
use super::tests::{MASK, frame};
use super::*;
use crate::websocket::apply_mask;

const MAX_FRAME: u64 = 300;
const MAX_MESSAGE: u64 = 500;

/// One thing that a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, Vec<u8>),
}

/// How a stream ended.
#[derive(Debug)]
enum End<E> {
    /// It stopped, also inside a frame, or said Close.
    Finished,
    Refused(E),
}

/// What tungstenite makes of a stream.
fn hear(direction: Direction, stream: &[u8]) -> (Vec<Said>, End<Error>) {
    let role = match direction {
        Direction::FromClient => Role::Server,
        Direction::FromUpstream => Role::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_frame_size(Some(MAX_FRAME as usize))
        .max_message_size(Some(MAX_MESSAGE as usize));
    let mut socket = WebSocket::from_raw_socket(Ears(stream), role, Some(config));
    let mut said = vec![];
    loop {
        match socket.read() {
            Ok(Heard::Text(text)) => said.push(Said::Text(text.as_bytes().to_vec())),
            Ok(Heard::Binary(data)) => said.push(Said::Binary(data.to_vec())),
            Ok(Heard::Ping(data)) => said.push(Said::Ping(data.to_vec())),
            Ok(Heard::Pong(data)) => said.push(Said::Pong(data.to_vec())),
            Ok(Heard::Close(close)) => {
                said.push(match close {
                    None => Said::Close(None, vec![]),
                    Some(close) => Said::Close(Some(close.code.into()), close.reason.as_bytes().to_vec()),
                });
                return (said, End::Finished);
            }
            Ok(Heard::Frame(_)) => unreachable!("never read"),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return (said, End::Finished),
            Err(error) => return (said, End::Refused(error)),
        }
    }
}

struct Ears<'a>(&'a [u8]);

impl Read for Ears<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Ears<'_> {
    fn write(&mut self, answer: &[u8]) -> io::Result<usize> {
        Ok(answer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the inspector makes of a stream. A violation comes with whether the frame that it is about is there whole.
fn inspect(direction: Direction, strictness: Strictness, stream: &[u8]) -> (Vec<Said>, End<(Violation, bool)>) {
    let extensions = Extensions::None;
    let (max_frame, max_message, max_fragments) = (MAX_FRAME, MAX_MESSAGE, u64::MAX);
    let rules = Rules { direction, extensions, max_frame, max_message, max_fragments, strictness };
    let mut inspector = Inspector::new(rules);
    let mut notes = Notes::default();
    let mut at = 0;
    loop {
        let scan = inspector.scan_observed(&stream[at..], u64::MAX, &mut notes);
        at += scan.passed;
        let rest = &stream[at..];
        match scan.then {
            Then::Exhausted | Then::Incomplete => return (notes.said, End::Finished),
            Then::Control(control) => {
                let payload = control.payload(rest).to_vec();
                at += control.size;
                notes.said.push(match control.kind {
                    ControlKind::Ping => Said::Ping(payload),
                    ControlKind::Pong => Said::Pong(payload),
                    ControlKind::Close(code) => {
                        let reason = payload.get(2..).unwrap_or_default().to_vec();
                        notes.said.push(Said::Close(code.map(|code| code.get()), reason));
                        return (notes.said, End::Finished);
                    }
                    ControlKind::Opaque(_) => panic!("no extension was agreed on"),
                });
            }
            Then::Violation(violation) => {
                let whole = Header::read(rest, Strictness::Lenient)
                    .ok()
                    .flatten()
                    .is_some_and(|header| (rest.len() - header.size) as u64 >= header.length);
                return (notes.said, End::Refused((violation, whole)));
            }
            Then::Budget | Then::Paused => panic!("nobody asked for it"),
        }
    }
}

/// Puts messages together from what passes.
#[derive(Default)]
struct Notes {
    said: Vec<Said>,
    text: bool,
    message: Vec<u8>,
    mask: [u8; 4],
}

impl Observe for Notes {
    fn on_frame(&mut self, header: &Header) {
        self.mask = header.mask.unwrap_or_default();
        if header.opcode != Header::CONTINUATION {
            self.text = header.opcode == Header::TEXT;
            self.message.clear();
        }
    }

    fn on_payload(&mut self, payload: &[u8], last: bool) -> Result<usize, Violation> {
        let mut plain = payload.to_vec();
        apply_mask(&mut plain, self.mask, 0);
        self.mask.rotate_left(payload.len() % 4);
        self.message.extend(plain);
        if last {
            let message = std::mem::take(&mut self.message);
            self.said.push(if self.text { Said::Text(message) } else { Said::Binary(message) });
        }
        Ok(payload.len())
    }
}

/// Holds the two against each other; says whether both refused the stream.
fn compare(direction: Direction, strictness: Strictness, stream: &[u8]) -> Result<bool, TestCaseError> {
    let (heard, theirs) = hear(direction, stream);
    let (said, ours) = inspect(direction, strictness, stream);
    let is_ours_alone = matches!(
        ours,
        End::Refused((Violation::LengthNotMinimal | Violation::LengthTooLarge | Violation::CloseCodeIllegal(_), _))
    );
    let is_masked = matches!(theirs, End::Refused(Error::Protocol(ProtocolError::MaskedFrameFromServer)));
    let is_theirs_alone =
        matches!(theirs, End::Refused(Error::Utf8(_))) || is_masked && strictness == Strictness::Lenient;
    let is_length = matches!(ours, End::Refused((Violation::LengthNotMinimal, _)));
    prop_assert!(!is_length || strictness == Strictness::Strict);
    match (ours, theirs) {
        _ if is_ours_alone && is_theirs_alone => {
            prop_assert!(heard.iter().zip(&said).all(|(heard, said)| heard == said), "{heard:?}\n{said:?}");
        }
        _ if is_ours_alone => prop_assert!(heard.starts_with(&said), "{heard:?}\n{said:?}"),
        _ if is_theirs_alone => prop_assert!(said.starts_with(&heard), "{heard:?}\n{said:?}"),
        (End::Refused((_, false)), End::Finished) | (End::Finished, End::Finished) => {
            let heard: Vec<Said> = heard.into_iter().map(undo_1014(&said)).collect();
            prop_assert_eq!(heard, said);
        }
        (End::Refused((violation, _)), End::Refused(error)) => {
            prop_assert_eq!(heard, said);
            let size = matches!(violation, Violation::FrameTooBig(_) | Violation::MessageTooBig(_));
            let capacity = matches!(error, Error::Capacity(CapacityError::MessageTooLong { .. }));
            // The two judge a frame that is wrong twice in another order, tungstenite its size first.
            prop_assert!(!size || capacity, "{violation:?}, {error:?}");
            return Ok(true);
        }
        (ours, theirs) => prop_assert!(false, "{ours:?}, {theirs:?}\n{heard:?}\n{said:?}"),
    }
    Ok(false)
}

/// 1014 is younger than tungstenite's list.
fn undo_1014(said: &[Said]) -> impl Fn(Said) -> Said {
    let young = said.iter().rfind(|said| matches!(said, Said::Close(Some(1014), _))).cloned();
    move |heard| match (&heard, &young) {
        (Said::Close(Some(1002), reason), Some(young)) if reason == b"Protocol violation" => young.clone(),
        _ => heard,
    }
}

fn strictness() -> impl Strategy<Value = Strictness> {
    prop_oneof![Just(Strictness::Strict), Just(Strictness::Lenient)]
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::FromClient), Just(Direction::FromUpstream)]
}

/// A first byte and a payload.
type Part = (u8, Vec<u8>);

fn control() -> impl Strategy<Value = Part> {
    (prop_oneof![Just(0x89), Just(0x8A)], proptest::collection::vec(any::<u8>(), 0..=125))
}

fn close() -> impl Strategy<Value = Part> {
    let code = prop_oneof![1000u16..=1003, 1007u16..=1014, 3000u16..=4999];
    let body = (code, "\\PC{0,30}").prop_map(|(code, reason)| {
        let mut body = code.to_be_bytes().to_vec();
        body.extend(reason.as_bytes());
        body.truncate(125);
        while str::from_utf8(&body[2..]).is_err() {
            body.pop();
        }
        body
    });
    prop_oneof![Just(vec![]), body].prop_map(|body| (0x88, body))
}

/// The frames of one message, and control frames between them.
fn message() -> impl Strategy<Value = Vec<Part>> {
    let text = "\\PC{0,80}".prop_map(|text| (0x01, text.into_bytes()));
    let binary = proptest::collection::vec(any::<u8>(), 0..260).prop_map(|data| (0x02, data));
    let cuts = proptest::collection::vec(any::<Index>(), 0..4);
    let between = proptest::collection::vec((any::<Index>(), control()), 0..3);
    (prop_oneof![text, binary], cuts, between).prop_map(|((opcode, data), cuts, between)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([data.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let mut parts: Vec<Part> = starts.zip(ends).map(|(start, end)| (0, data[start..end].to_vec())).collect();
        parts.first_mut().unwrap().0 = opcode;
        parts.last_mut().unwrap().0 |= 0x80;
        for (at, control) in between {
            parts.insert(at.index(parts.len() + 1), control);
        }
        parts
    })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let messages = proptest::collection::vec(message(), 0..6);
    (messages, proptest::option::of(close())).prop_map(|(messages, close)| {
        let mut parts = messages.concat();
        parts.extend(close);
        parts
    })
}

/// A change to one of the first bytes of a frame, which are its header.
fn damage() -> impl Strategy<Value = (Index, usize, u8)> {
    let bit = (0..8u32).prop_map(|bit| 1u8 << bit);
    (any::<Index>(), 0..4usize, prop_oneof![bit, any::<u8>()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_valid_stream_says_the_same_to_both(
        direction in direction(),
        strictness in strictness(),
        parts in parts(),
        cut: Option<Index>,
    ) {
        let mut stream: Vec<u8> = parts.iter().flat_map(|(first, data)| frame(direction, *first, data)).collect();
        if let Some(cut) = cut {
            stream.truncate(cut.index(stream.len() + 1));
        }
        let (_, ours) = inspect(direction, strictness, &stream);
        prop_assert!(matches!(ours, End::Finished), "{ours:?}");
        prop_assert!(!compare(direction, strictness, &stream)?);
    }

    #[test]
    fn a_stream_of_longer_lengths_and_needless_masks_says_the_same_to_a_lenient_inspector(
        (direction, masked) in prop_oneof![
            direction().prop_map(|direction| (direction, direction)),
            Just((Direction::FromUpstream, Direction::FromClient)),
        ],
        parts in parts(),
        more in proptest::collection::vec(prop_oneof![Just(0), Just(2), Just(8)], 1..8),
    ) {
        let mut stream = vec![];
        for ((first, data), more) in parts.iter().zip(more.iter().cycle()) {
            stream.extend(stretched(&frame(masked, *first, data), *more));
        }
        // What is masked is heard by a server.
        let (said, ours) = inspect(direction, Strictness::Lenient, &stream);
        let (heard, _) = hear(masked, &stream);
        let heard: Vec<Said> = heard.into_iter().map(undo_1014(&said)).collect();
        prop_assert!(matches!(ours, End::Finished), "{ours:?}");
        prop_assert_eq!(heard, said);
    }

    #[test]
    fn a_damaged_stream_is_refused_by_both(
        direction in direction(),
        strictness in strictness(),
        parts in parts(),
        damages in proptest::collection::vec(damage(), 1..4),
    ) {
        let mut frames: Vec<Vec<u8>> = parts.iter().map(|(first, data)| frame(direction, *first, data)).collect();
        for (at, offset, change) in damages {
            if !frames.is_empty() {
                let frame = at.get_mut(&mut frames);
                if let Some(byte) = frame.get_mut(offset) {
                    *byte ^= change;
                }
            }
        }
        compare(direction, strictness, &frames.concat())?;
    }

    #[test]
    fn noise_is_the_same_to_both(
        direction in direction(),
        strictness in strictness(),
        noise in proptest::collection::vec(noise(), 0..12),
    ) {
        let stream: Vec<u8> = noise
            .into_iter()
            .flat_map(|(first, masked, data)| {
                frame(if masked { direction } else { direction.source().other().sends() }, first, &data)
            })
            .collect();
        compare(direction, strictness, &stream)?;
    }
}

/// A frame of any first byte, mostly legal ones, masked as it should be most of the time.
fn noise() -> impl Strategy<Value = (u8, bool, Vec<u8>)> {
    let legal = prop_oneof![Just(0x81), Just(0x82), Just(0x01), Just(0x00), Just(0x80), Just(0x88), Just(0x89)];
    let data = prop_oneof![proptest::collection::vec(any::<u8>(), 0..8), proptest::collection::vec(97u8..100, 0..350),];
    (prop_oneof![9 => legal, 1 => any::<u8>()], proptest::bool::weighted(0.95), data)
}

#[test]
fn the_rules_that_both_hold_are_refused_by_both() {
    for direction in [Direction::FromClient, Direction::FromUpstream] {
        let other = direction.source().other().sends();
        let broken: &[(&[Vec<u8>], Violation)] = &[
            (&[frame(direction, 0xC1, b"x")], Violation::ReservedBits),
            (&[frame(direction, 0x83, b"x")], Violation::ReservedOpcode(3)),
            (&[frame(direction, 0x8B, b"x")], Violation::ReservedOpcode(11)),
            (&[frame(direction, 0x09, b"x")], Violation::ControlFragmented),
            (&[frame(direction, 0x89, &[0; 126])], Violation::ControlTooLong),
            (&[frame(direction, 0x80, b"x")], Violation::NothingToContinue),
            (&[frame(direction, 0x01, b"x"), frame(direction, 0x81, b"x")], Violation::MessageUnfinished),
            (&[frame(direction, 0x88, b"x")], Violation::CloseBodyTooShort),
            (&[frame(direction, 0x82, &[0; 301])], Violation::FrameTooBig(300)),
            (&[frame(direction, 0x02, &[0; 300]), frame(direction, 0x80, &[0; 201])], Violation::MessageTooBig(500)),
        ];
        let masked = if direction == Direction::FromClient { Violation::NotMasked } else { Violation::Masked };
        let masked: &[(&[Vec<u8>], Violation)] = &[(&[frame(other, 0x82, b"x")], masked)];
        for (frames, violation) in broken.iter().chain(masked) {
            let stream = [frame(direction, 0x89, b"first"), frames.concat()].concat();
            let (_, ours) = inspect(direction, Strictness::Strict, &stream);
            assert!(matches!(ours, End::Refused((found, _)) if found == *violation), "{ours:?}");
            assert!(compare(direction, Strictness::Strict, &stream).unwrap(), "{violation:?}");
        }
    }
    assert_ne!(MASK, [0; 4], "a mask of nothing would hide that it is not applied");
}
