//! A pause as it is kept beside the certificate: a process that is started again begins no new order before it is over.

use serde::{Deserialize, Serialize};

/// For how long nothing is tried for a name, and what for; times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Paused {
    /// How often in a row it has failed.
    pub(super) failures: u32,
    /// When it failed last.
    pub(super) since: u64,
    /// When it is tried again.
    pub(super) until: u64,
    /// The directory has said so.
    pub(super) is_told: bool,
    /// Why it failed.
    pub(super) why: String,
}
