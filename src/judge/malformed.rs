//! A first line that is none: it passes to be refused by its parser, which can say why, and nothing of what follows it.

use super::flaw::Flaw;
use super::limits::Room;

/// How far such a line was read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Malformed {
    /// Not to its end.
    Line,
    /// So many bytes behind it pass as well: by them a parser knows HTTP/2.
    Behind(usize),
}

impl Malformed {
    /// Reads on; `input` is not empty. How much of it passes.
    pub(super) fn step(&mut self, input: &[u8], room: &mut Room) -> Result<usize, Flaw> {
        let passed = match self {
            Self::Line => {
                let line = input.iter().take_while(|&&byte| byte != b'\n').count();
                if line < input.len() {
                    *self = Self::Behind(BEHIND);
                }
                input.len().min(line + 1)
            }
            Self::Behind(0) => return Err(Flaw::Malformed),
            Self::Behind(left) => {
                let passed = input.len().min(*left);
                *left -= passed;
                passed
            }
        };
        room.take_between(u32::try_from(passed).unwrap_or(u32::MAX))?;
        Ok(passed)
    }
}

/// What the preface of HTTP/2 has behind its first line (RFC 9113 §3.4).
const BEHIND: usize = b"\r\nSM\r\n\r\n".len();
