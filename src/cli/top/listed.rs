//! A page of tunnels, and what was asked for when it came: that says what it is, and not what is asked for by now.

use crate::admin::{SortOrder, TunnelList, TunnelSort};

/// What the list of tunnels is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) order: (TunnelSort, SortOrder),
    pub(super) filter: String,
    /// The first is 1.
    pub(super) page: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) asked: Asked,
    /// Why there is none, where it was refused.
    pub(super) answer: Result<TunnelList, String>,
}
