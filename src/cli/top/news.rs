//! What comes from the process, and what it is asked for.

use super::seen::{ProcessIdentity, Seen};
use crate::admin::{TunnelDetail, TunnelList};

/// Something that has come.
#[derive(Debug)]
pub(super) enum News {
    /// Whether who asks here may steer.
    Hello { may_steer: bool },
    /// How things stand.
    Seen(Box<Seen>),
    /// It does not tell, and why.
    Lost(String),
    /// The tunnels that this process was asked for at this path.
    Tunnels { process: Option<ProcessIdentity>, path: String, answer: Result<TunnelList, String> },
    /// Everything of one tunnel.
    Detail { id: u64, answer: Result<Box<TunnelDetail>, String> },
    /// What came of what was to be done.
    Done(Said),
}

/// What is to be asked again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Who is asked, as far as that is known: what another one has answered is of no use.
    pub(super) process: Option<ProcessIdentity>,
    /// Where the tunnels are asked for.
    pub(super) path: String,
    /// The tunnel of which everything is asked.
    pub(super) detail: Option<u64>,
    /// Nothing is, for now.
    pub(super) is_paused: bool,
}

/// A sentence in the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Done(String),
    Refused(String),
}
