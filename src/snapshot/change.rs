//! One thing that a reload changes, in the words of the log and of `windlass plan`.

use std::fmt;

use crate::config::{Destination, EndpointAddress, EndpointName, ListenerName, RouteName, UpstreamName};

/// One thing that a reload changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added(Subject),
    /// It is gone; its tunnels are drained.
    Removed(Subject),
    /// It is the same with other settings, each with its old and its new value; its tunnels stay, under the rules they were born with.
    Changed(Subject, Vec<String>),
    /// The endpoint takes nobody any more, for its source says so or names it no more; its tunnels are drained.
    Leaving(Subject),
    /// The endpoint was leaving, and stays: who was not told yet is not.
    Returned(Subject),
    /// The endpoint has another address under the same name, from the first to the second; its tunnels are drained.
    Moved(Subject, EndpointAddress, EndpointAddress),
    /// The route leads to other upstreams, from the first to the second; the tunnels that it has in those that it leaves are drained.
    Switched(Subject, Destination, Destination),
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A listener.
    Listener(ListenerName),
    /// A route.
    Route(RouteName),
    /// An upstream.
    Upstream(UpstreamName),
    /// An endpoint of an upstream.
    Endpoint(UpstreamName, EndpointName),
    /// `[drain]`.
    Drain,
    /// `[log]`.
    Log,
    /// `[traces]`.
    Traces,
    /// `[admin]`.
    Admin,
    /// `watch`.
    Watch,
    /// `workers`, which waits for the next start.
    Workers,
    /// `tls_handshakes_at_once`.
    TlsHandshakesAtOnce,
    /// `[error_pages]`.
    ErrorPages,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(subject) => write!(f, "{subject} added"),
            Self::Removed(subject) => write!(f, "{subject} removed"),
            Self::Changed(subject, values) => {
                write!(f, "{subject} changed")?;
                if *subject == Subject::Workers {
                    f.write_str(", from the next start on")?;
                }
                if values.is_empty() { Ok(()) } else { write!(f, ": {}", values.join("; ")) }
            }
            Self::Moved(subject, from, to) => write!(f, "{subject} has another address: {from} → {to}"),
            Self::Leaving(subject) => write!(f, "{subject} is leaving"),
            Self::Returned(subject) => write!(f, "{subject} is back"),
            Self::Switched(subject, from, to) => {
                let is_upstream = |destination: &Destination| destination.upstreams().next().is_some();
                let what =
                    if is_upstream(from) && is_upstream(to) { "goes to another upstream" } else { "leads elsewhere" };
                write!(f, "{subject} {what}: {from} → {to}")
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(name) => write!(f, "listener {name}"),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Upstream(name) => write!(f, "upstream {name}"),
            Self::Endpoint(upstream, name) => write!(f, "endpoint {name} of upstream {upstream}"),
            Self::Drain => f.write_str("drain"),
            Self::Log => f.write_str("log"),
            Self::Traces => f.write_str("traces"),
            Self::Admin => f.write_str("admin"),
            Self::Watch => f.write_str("watch"),
            Self::Workers => f.write_str("workers"),
            Self::TlsHandshakesAtOnce => f.write_str("tls_handshakes_at_once"),
            Self::ErrorPages => f.write_str("error_pages"),
        }
    }
}
