//! How a connection ends whose record machine is not as it must be.

use rustls::Error;

/// The end of a connection that breaks `invariant`, by a mistake of ours. Where debug assertions are on it fails at the
/// caller; in a release the connection fails: nothing it sends or receives after that could be trusted.
#[cold]
#[track_caller]
pub(super) fn broken(invariant: &str) -> Error {
    debug_assert!(false, "it does not hold that {invariant}");
    Error::General(format!("a mistake of the proxy's: it does not hold that {invariant}"))
}
