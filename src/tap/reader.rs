//! What happens in a tunnel, in its order.

use super::direction_reader::DirectionReader;
use super::feed::Piece;
use super::seen::{Content, Detail, Seen, SeenKind, TapEvent};
use crate::websocket::{Direction, Extensions, PerDirection};

/// Puts the messages of a tunnel together.
#[derive(Debug)]
pub struct TapReader {
    detail: Detail,
    /// Known with the first piece.
    directions: Option<PerDirection<DirectionReader>>,
}

impl TapReader {
    /// Shows so much.
    pub fn new(detail: Detail) -> Self {
        Self { detail, directions: None }
    }

    /// What became whole by a piece.
    pub fn read(&mut self, piece: &Piece) -> Vec<TapEvent> {
        let mut events = Vec::new();
        if piece.is_behind_gap {
            events.push(TapEvent::Missing);
            if let Some(directions) = &mut self.directions {
                directions.from_client.lose_step();
                directions.from_upstream.lose_step();
            }
        }
        let Some(extensions) = piece.extensions else {
            events.push(TapEvent::Seen(raw(piece, self.detail)));
            return events;
        };
        let detail = self.detail;
        let directions = self.directions.get_or_insert_with(|| readers(detail, extensions));
        events.extend(directions[piece.direction].read(piece).into_iter().map(TapEvent::Seen));
        events
    }
}

fn readers(detail: Detail, extensions: Extensions) -> PerDirection<DirectionReader> {
    PerDirection {
        from_client: DirectionReader::new(Direction::FromClient, detail, extensions),
        from_upstream: DirectionReader::new(Direction::FromUpstream, detail, extensions),
    }
}

/// Bytes of a tunnel that is no WebSocket.
fn raw(piece: &Piece, detail: Detail) -> Seen {
    let content = match detail {
        Detail::Headers => Content::None,
        Detail::Messages { most } => {
            let shown = piece.bytes.get(..most);
            Content::Bytes {
                bytes: shown.unwrap_or(&piece.bytes).to_vec(),
                is_cut: shown.is_some_and(|it| it.len() < piece.bytes.len()),
            }
        }
    };
    let bytes = piece.bytes.len() as u64;
    Seen {
        direction: piece.direction,
        at: piece.at,
        kind: SeenKind::Raw,
        bytes,
        frames: 0,
        is_compressed: false,
        content,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::websocket::apply_mask;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A frame of this direction, with a first byte and a payload.
    fn frame(direction: Direction, first: u8, payload: &[u8]) -> Vec<u8> {
        let masked = if direction == Direction::FromClient { 0x80 } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(masked | short as u8),
            long => {
                frame.push(masked | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        let mut payload = payload.to_vec();
        if masked != 0 {
            frame.extend(MASK);
            apply_mask(&mut payload, MASK, 0);
        }
        frame.extend(payload);
        frame
    }

    /// The pieces of a stream of frames, each as it would pass: cut nowhere inside of a header or of a control frame.
    fn pieces(direction: Direction, frames: &[Vec<u8>], cuts: &[usize]) -> Vec<Piece> {
        let (mut pieces, mut cuts) = (Vec::new(), cuts.iter().cycle());
        let mut piece = |bytes: &[u8], until_boundary: usize| {
            let (at, extensions) = (Instant::now(), Some(Extensions::None));
            let until_boundary = until_boundary as u64;
            pieces.push(Piece {
                direction,
                at,
                extensions,
                until_boundary,
                bytes: bytes.to_vec(),
                is_behind_gap: false,
            });
        };
        for frame in frames {
            let header = crate::websocket::Header::parse(frame).unwrap().unwrap();
            let cut = if header.is_control() {
                frame.len()
            } else {
                header.size + cuts.next().unwrap() % (frame.len() - header.size + 1)
            };
            let (one, other) = frame.split_at(cut);
            piece(one, 0);
            if !other.is_empty() {
                piece(other, other.len());
            }
        }
        pieces
    }

    fn read(detail: Detail, pieces: &[Piece]) -> Vec<TapEvent> {
        let mut reader = TapReader::new(detail);
        pieces.iter().flat_map(|piece| reader.read(piece)).collect()
    }

    fn shown(events: &[TapEvent]) -> Vec<(SeenKind, u64, u32, Content)> {
        let shown = |event: &TapEvent| match event {
            TapEvent::Seen(seen) => (seen.kind, seen.bytes, seen.frames, seen.content.clone()),
            TapEvent::Missing => panic!("nothing is missing"),
        };
        events.iter().map(shown).collect()
    }

    fn text(text: &str, is_cut: bool) -> Content {
        Content::Text { text: text.into(), is_cut }
    }

    #[test]
    fn a_message_of_several_frames_is_one_and_control_frames_stand_for_themselves() {
        for direction in [Direction::FromClient, Direction::FromUpstream] {
            let frames =
                [(0x01, &b"be"[..]), (0x89, b"there?"), (0x80, b"tween"), (0x88, b"\x03\xe8bye"), (0x82, b"\x00")]
                    .map(|(first, payload)| frame(direction, first, payload));
            let events = read(Detail::Messages { most: 4 }, &pieces(direction, &frames, &[1, 0, 2]));
            let ping = Content::Bytes { bytes: b"ther".to_vec(), is_cut: true };
            let close = Content::Bytes { bytes: b"\x03\xe8by".to_vec(), is_cut: true };
            let binary = Content::Bytes { bytes: vec![0], is_cut: false };
            assert_eq!(shown(&events)[0], (SeenKind::Ping, 6, 1, ping));
            assert_eq!(shown(&events)[1], (SeenKind::Text, 7, 2, text("betw", true)));
            assert_eq!(shown(&events)[3], (SeenKind::Binary, 1, 1, binary));
            assert_eq!(shown(&events)[2].0, SeenKind::Close, "{close:?}");
            let headers = read(Detail::Headers, &pieces(direction, &frames, &[1]));
            assert!(shown(&headers).iter().all(|(.., content)| *content == Content::None));
        }
    }

    #[test]
    fn who_comes_in_the_middle_begins_with_the_next_frame() {
        let direction = Direction::FromClient;
        let frames =
            [frame(direction, 0x01, b"first"), frame(direction, 0x80, b"rest"), frame(direction, 0x81, b"next")];
        let late = &pieces(direction, &frames, &[2])[1..];
        let hidden = Content::Hidden(super::super::Hidden::Beginning);
        let expected = [(SeenKind::Rest, 4, 1, hidden), (SeenKind::Text, 4, 1, text("next", false))];
        assert_eq!(shown(&read(Detail::Messages { most: 100 }, late)), expected);
    }

    #[test]
    fn what_is_missing_is_said_once_and_hides_no_more_than_it_must() {
        let direction = Direction::FromUpstream;
        let frames: Vec<_> = [b"one", b"two", b"six"].map(|word| frame(direction, 0x81, word)).into();
        let mut pieces = pieces(direction, &frames, &[1]);
        pieces.remove(3);
        pieces[3].is_behind_gap = true;
        let events = read(Detail::Messages { most: 100 }, &pieces);
        assert_eq!(events.iter().filter(|event| **event == TapEvent::Missing).count(), 1);
        let texts: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                TapEvent::Seen(Seen { content: Content::Text { text, .. }, .. }) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, ["one", "six"]);
    }

    #[test]
    fn a_text_that_is_cut_inside_a_character_is_a_text() {
        let frames = [frame(Direction::FromUpstream, 0x81, "ab☃".as_bytes())];
        let events = read(Detail::Messages { most: 4 }, &pieces(Direction::FromUpstream, &frames, &[9]));
        assert_eq!(shown(&events)[0].3, text("ab", true));
    }

    proptest! {
        /// However the stream is cut.
        #[test]
        fn every_message_is_seen_whole(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..10),
            cuts in prop::collection::vec(0_usize..400, 1..20),
            is_client in any::<bool>(),
        ) {
            let direction = if is_client { Direction::FromClient } else { Direction::FromUpstream };
            let frames: Vec<_> = messages.iter().map(|message| frame(direction, 0x82, message)).collect();
            let events = read(Detail::Messages { most: usize::MAX }, &pieces(direction, &frames, &cuts));
            let expected: Vec<_> = messages
                .iter()
                .map(|it| (SeenKind::Binary, it.len() as u64, 1, Content::Bytes { bytes: it.clone(), is_cut: false }))
                .collect();
            prop_assert_eq!(shown(&events), expected);
        }
    }
}
