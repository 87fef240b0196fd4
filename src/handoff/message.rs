//! What a process and its successor say to each other: one message a datagram, some with a descriptor.
//!
//! ```text
//! old                                      new
//!  │ Offer, then what it has, then Complete │
//!  ├───────────────────────────────────────▶│ loads, adopts, builds; accepts nothing
//!  │                       Ready, or Failed │
//!  │◀───────────────────────────────────────┤
//!  │ TakeOver                               │
//!  ├───────────────────────────────────────▶│ accepts
//!  │                                Serving │
//!  │◀───────────────────────────────────────┤
//!  │ stops accepting                        │
//!  │ Tunnels, with two descriptors for each │ makes them anew, and does nothing with them
//!  ├───────────────────────────────────────▶│
//!  │                           TunnelsTaken │
//!  │◀───────────────────────────────────────┤
//!  │ TunnelsYours                           │ goes on with them
//!  ├───────────────────────────────────────▶│ … and so on, until
//!  │ TunnelsMoved                           │
//!  ├───────────────────────────────────────▶│
//!  │ drains                     Remaining … │
//!  ├───────────────────────────────────────▶│
//!  │                               Question │
//!  │◀───────────────────────────────────────┤
//!  │ Answer, in parts                       │
//!  ├───────────────────────────────────────▶│ until the end of the stream: the old one is gone
//! ```
//!
//! A tunnel is the old one's until `TunnelsYours` has been sent, and the new one's from then on, whatever becomes of either: the new one does
//! nothing with it before it hears that, and the old one nothing more once it has said it.
//!
//! The two need not be of one version: kinds and fields that one does not know are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::snapshot::EndpointState;

/// The version of this conversation; raised where an old process and a new one would misunderstand each other.
pub const PROTOCOL: u32 = 1;

/// One thing that is said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HandoffMessage {
    /// Old to new, the first.
    Offer {
        /// [`PROTOCOL`] of the old one.
        protocol: u32,
        /// Who offers.
        pid: u32,
    },
    /// Old to new: a listening socket, with its descriptor.
    Socket {
        /// What it is for.
        role: SocketRole,
        /// What it is called there.
        name: String,
        /// Where it was asked to be bound, in the words of the configuration.
        bind: String,
    },
    /// Old to new: a process that drains still, with the descriptor of its conversation.
    Predecessor {
        /// Its process.
        pid: u32,
    },
    /// Old to new: what speaks against this endpoint.
    Endpoint {
        /// Its upstream.
        upstream: String,
        /// Its name.
        endpoint: String,
        /// Where it is: at another address it is another one.
        address: String,
        /// Its state.
        state: EndpointState,
        /// What is known of each cause in it; an older version says nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        causes: Vec<SaidCause>,
    },
    /// Old to new: an operator drains this endpoint. All that versions before [`HandoffMessage::Endpoint`] say and understand.
    Draining {
        /// Its upstream.
        upstream: String,
        /// Its name.
        endpoint: String,
        /// Where it is: at another address it is another one.
        address: String,
    },
    /// Old to new: some of what the source of this upstream has named last; goes behind the parts before it.
    EndpointSet {
        /// Its upstream.
        upstream: String,
        /// Some of the text; the two who talk know how to read it.
        part: String,
    },
    /// Old to new: the keys of TLS session tickets.
    TicketKeys {
        /// In base64.
        keys: Secret,
    },
    /// Old to new: by what this route tells its clients apart.
    ClientKeys {
        /// The route.
        route: String,
        /// In base64.
        key: Secret,
    },
    /// Old to new: where it has come to with what is counted.
    Counted {
        /// Its generation.
        generation: u64,
        /// The last number that it gave to a tunnel.
        tunnel: u64,
    },
    /// Old to new: that was all.
    Complete,
    /// New to old: everything is built, and a word is all that it waits for.
    Ready {
        /// The version in which it reads open tunnels; one that wants none, or cannot read any, does not say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tunnels: Option<u32>,
    },
    /// New to old: it will not come to it.
    Failed {
        /// Why, for the log.
        reason: String,
    },
    /// Old to new: begin.
    TakeOver {
        /// Whether open tunnels will follow; an older version does not say so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        moves_tunnels: bool,
    },
    /// New to old: connections are accepted.
    Serving,
    /// Old to new: open tunnels that stand still. With it come a [parcel](super::open_parcel) in which they are written, and then two
    /// descriptors for each: the client's, and the endpoint's.
    Tunnels {
        /// The number of this batch: one more than the one before.
        batch: u32,
        /// The version in which they are written.
        format: u32,
    },
    /// New to old: these tunnels are made anew, and wait.
    TunnelsTaken {
        /// Of this batch.
        batch: u32,
        /// But for these of it, by why not, each by its place in the batch.
        refused: BTreeMap<String, Vec<usize>>,
    },
    /// Old to new: they are yours, those that you have taken.
    TunnelsYours {
        /// Of this batch.
        batch: u32,
        /// But for these of it, by place, that stay.
        kept: Vec<usize>,
    },
    /// Old to new: a drain goes on there, of tunnels that have moved.
    DrainRest {
        /// Tells it from others.
        drain: u64,
        /// The word of its cause.
        cause: String,
        /// What it is about, in words.
        scope: String,
        /// Each of its endpoints can be taken back out of it.
        is_of_endpoints: bool,
        /// When what is left is cut, and when the last tunnel is told, in milliseconds from now.
        deadline_ms: u64,
        /// See `deadline_ms`.
        told_within_ms: u64,
        /// The code of the Close that clients read.
        code: u16,
        /// Its reason, where that is not the cause's.
        reason: Option<String>,
        /// Some of the tunnels that it has not told; they go behind those before.
        tunnels: Vec<u64>,
        /// Whether no more follow.
        is_last: bool,
    },
    /// Old to new: those that could move have moved; what opens there from now on drains.
    TunnelsMoved {
        /// How many have.
        moved: usize,
        /// How many stay, by why.
        stayed: BTreeMap<String, usize>,
        /// The longest that one stood still, in microseconds.
        longest_pause_us: u64,
    },
    /// Old to new, now and then: what it still drains.
    Remaining {
        /// Open tunnels.
        tunnels: usize,
        /// Whether it answers questions; one of an older version does not say so.
        #[serde(default)]
        answers: bool,
    },
    /// New to old, once that one drains.
    Question {
        /// Stands on the answer, too.
        number: u64,
        /// What is asked; the two who talk know how to read it.
        text: String,
    },
    /// Old to new: some of an answer.
    Answer {
        /// That of the question.
        number: u64,
        /// Goes behind the parts before it.
        part: String,
        /// Whether nothing follows.
        is_last: bool,
    },
    /// Something that a later version says.
    #[serde(other)]
    Unknown,
}

/// A cause that speaks against an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidCause {
    /// Its word.
    pub cause: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Why.
    pub why: String,
}

/// A text that is wiped after use, and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketRole {
    /// A listener of the configuration, by its name.
    Listener,
    /// One that systemd passed, by its `FileDescriptorName=`.
    Systemd,
    /// Where operators are listened to.
    Admin,
    /// Something that a later version knows.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Debug for HandoffMessage {
    /// The kind alone: keys are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Offer { .. } => "Offer",
            Self::Socket { .. } => "Socket",
            Self::Predecessor { .. } => "Predecessor",
            Self::Endpoint { .. } => "Endpoint",
            Self::Draining { .. } => "Draining",
            Self::EndpointSet { .. } => "EndpointSet",
            Self::TicketKeys { .. } => "TicketKeys",
            Self::ClientKeys { .. } => "ClientKeys",
            Self::Counted { .. } => "Counted",
            Self::Complete => "Complete",
            Self::Ready { .. } => "Ready",
            Self::Failed { .. } => "Failed",
            Self::TakeOver { .. } => "TakeOver",
            Self::Serving => "Serving",
            Self::Tunnels { .. } => "Tunnels",
            Self::TunnelsTaken { .. } => "TunnelsTaken",
            Self::TunnelsYours { .. } => "TunnelsYours",
            Self::TunnelsMoved { .. } => "TunnelsMoved",
            Self::DrainRest { .. } => "DrainRest",
            Self::Remaining { .. } => "Remaining",
            Self::Question { .. } => "Question",
            Self::Answer { .. } => "Answer",
            Self::Unknown => "Unknown",
        })
    }
}

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.reveal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", HandoffMessage::TicketKeys { keys: "c2VjcmV0".to_owned().into() });
        assert_eq!(shown, "TicketKeys");
        let key = "c2VjcmV0".to_owned().into();
        assert_eq!(format!("{:?}", HandoffMessage::ClientKeys { route: "chat".to_owned(), key }), "ClientKeys");
    }

    #[test]
    fn one_that_moves_no_tunnels_says_what_older_versions_say_and_understands_them() {
        for (message, text) in [
            (HandoffMessage::Ready { tunnels: None }, r#"{"kind":"ready"}"#),
            (HandoffMessage::TakeOver { moves_tunnels: false }, r#"{"kind":"take_over"}"#),
        ] {
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            assert!(serde_json::from_str::<HandoffMessage>(text).unwrap() == message);
        }
    }

    #[test]
    fn an_older_version_passes_over_what_it_does_not_know_of_a_word_that_it_knows() {
        #[derive(Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Older {
            Ready,
            TakeOver,
            #[serde(other)]
            Unknown,
        }
        let read = |message| serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
        assert!(matches!(read(HandoffMessage::Ready { tunnels: Some(3) }), Older::Ready));
        assert!(matches!(read(HandoffMessage::TakeOver { moves_tunnels: true }), Older::TakeOver));
        assert!(matches!(read(HandoffMessage::Tunnels { batch: 1, format: 3 }), Older::Unknown));
    }
}
