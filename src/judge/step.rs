//! What the readers of lines have in common.

use super::flaw::Flaw;

/// How many bytes were read, and what came of it once the reader is done.
pub(super) type Step<T> = Result<(usize, Option<T>), Flaw>;

/// What the versions that we speak begin with.
pub(super) const PREFIX: &[u8] = b"HTTP/1.";
