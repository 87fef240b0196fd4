//! Why a fetch brought no keys.

use http::StatusCode;
use thiserror::Error;

use crate::access::KeysFault;
use crate::authorize::AuthFailure;

/// Why a fetch brought no keys; for the operator.
#[derive(Debug, Error)]
pub(super) enum FetchFailure {
    /// Nobody answered.
    #[error(transparent)]
    NoAnswer(#[from] AuthFailure),
    /// The answer is another one than the keys, such as a redirect.
    #[error("the answer has status {}, and only 200 has keys", .0.as_u16())]
    Status(StatusCode),
    /// It is longer than any set of keys.
    #[error("the answer is longer than {} KiB", LONGEST_SET / 1024)]
    TooLong,
    /// There are no keys in it.
    #[error("the answer {0}")]
    NoKeys(#[from] KeysFault),
}

/// The longest answer that is read, in bytes: a key with its certificates has some ten thousand.
pub(super) const LONGEST_SET: usize = 256 * 1024;
