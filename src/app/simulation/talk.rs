//! Who talks with whom in a tunnel, with which manners, and how it went.

use super::chance::Chance;
use crate::websocket::Side;

/// Who talks with whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) side: Side,
    /// What its messages are made from, and the other's.
    pub(super) tag: u64,
    pub(super) others: u64,
    pub(super) manners: Manners,
    pub(super) is_other_polite: bool,
}

/// How somebody behaves in a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// Reads, answers pings and Closes, and closes by itself or not at all.
    Polite,
    /// Reads nothing any more after a while.
    Stalls,
    /// Sends what is no frame after a while.
    Raves,
    /// Answers neither pings nor Closes.
    IsMute,
    /// Ends its direction without a Close after a while.
    Leaves,
    /// Is gone after a while, whatever it was about to do.
    Vanishes,
}

impl Manners {
    pub(super) fn any(chance: &mut Chance) -> Self {
        use Manners::{IsMute, Leaves, Polite, Raves, Stalls, Vanishes};
        chance.one_of(&[Polite, Polite, Polite, Polite, Polite, Stalls, Raves, IsMute, Leaves, Vanishes, Vanishes])
    }
}

/// How a talk went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Talked {
    pub(super) sent: u64,
    pub(super) heard: u64,
    /// The code of the Close that it read; 0 for one without.
    pub(super) closed: Option<u16>,
    pub(super) has_closed: bool,
    pub(super) pings: u64,
}
