//! The heads of frames in one direction of a connection (RFC 9113 §4.1), read as they pass.
//!
//! What stands in a frame is passed over and nothing is kept of it: a head is nine bytes, wherever the reads cut it.

/// Reads heads, and passes over what they announce.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeads {
    /// The start of a head.
    head: [u8; HEAD],
    /// How much of it has come.
    filled: usize,
    /// How much of the frame is still to come.
    passed_over: usize,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// How many bytes follow.
    pub(super) length: usize,
    /// Which frame it is (RFC 9113 §6).
    pub(super) kind: u8,
    /// What its flags are; they mean something to its kind.
    pub(super) flags: u8,
}

impl FrameHeads {
    /// Those behind so many bytes of something else: a client's begin behind its preface.
    pub(super) fn behind(bytes: usize) -> Self {
        Self { head: [0; HEAD], filled: 0, passed_over: bytes }
    }

    /// Reads what has come; `note` is told of each head once it is whole.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut note: impl FnMut(FrameHead)) {
        loop {
            let passed = self.passed_over.min(bytes.len());
            self.passed_over -= passed;
            bytes = bytes.split_at(passed).1;
            let Some(room) = self.head.get_mut(self.filled..) else { return };
            let taken = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.filled += taken;
            bytes = later;
            if self.filled < HEAD {
                return;
            }
            let head = FrameHead::of(self.head);
            self.filled = 0;
            self.passed_over = head.length;
            note(head);
        }
    }
}

impl FrameHead {
    fn of([high, middle, low, kind, flags, ..]: [u8; HEAD]) -> Self {
        let length = u32::from_be_bytes([0, high, middle, low]);
        Self { length: length as usize, kind, flags }
    }

    /// Whether this flag is set.
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// How long a head is.
const HEAD: usize = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[high, middle, low, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn heads(heads: &mut FrameHeads, pieces: &[&[u8]]) -> Vec<(usize, u8, u8)> {
        let mut found = Vec::new();
        for piece in pieces {
            heads.read(piece, |head| found.push((head.length, head.kind, head.flags)));
        }
        found
    }

    proptest! {
        #[test]
        fn heads_are_found_wherever_the_reads_cut(
            frames in proptest::collection::vec((any::<u8>(), any::<u8>(), 0_usize..40), 0..8),
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let mut bytes = b"preface".to_vec();
            for (kind, flags, length) in &frames {
                bytes.extend(frame(*kind, *flags, &vec![*kind; *length]));
            }
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
            let expected: Vec<_> = frames.iter().map(|(kind, flags, length)| (*length, *kind, *flags)).collect();
            prop_assert_eq!(heads(&mut FrameHeads::behind(7), &pieces), expected);
        }
    }
}
