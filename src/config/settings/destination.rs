//! Where the requests of a route go.

use std::fmt;
use std::sync::Arc;

use super::named_file::NamedFile;
use super::rules::RespondSettings;
use crate::config::names::UpstreamName;
use crate::rules::Redirect;

/// Where the requests of a route go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the endpoints of an upstream, or of several that share its clients: at least one.
    Upstreams(Vec<BranchSettings>),
    /// Their clients are sent to another place.
    Redirect(Redirect),
    /// They have one answer.
    Respond(Arc<RespondSettings>),
}

/// One upstream of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchSettings {
    /// Which one.
    pub upstream: UpstreamName,
    /// Its share, relative to the others'; 0 takes nobody.
    pub weight: u32,
}

impl Destination {
    /// The upstreams that requests may go to, each with its share.
    pub fn branches(&self) -> &[BranchSettings] {
        match self {
            Self::Upstreams(branches) => branches,
            Self::Redirect(_) | Self::Respond(_) => &[],
        }
    }

    /// Every upstream that requests may go to.
    pub fn upstreams(&self) -> impl Iterator<Item = &UpstreamName> {
        self.branches().iter().map(|branch| &branch.upstream)
    }

    /// Whether requests may go to `upstream`.
    pub fn leads_to(&self, upstream: &UpstreamName) -> bool {
        self.upstreams().any(|it| it == upstream)
    }

    /// Whether the two lead to the same upstreams, whatever their shares are.
    pub fn has_same_upstreams(&self, other: &Self) -> bool {
        self.upstreams().all(|upstream| other.leads_to(upstream))
            && other.upstreams().all(|upstream| self.leads_to(upstream))
    }

    /// The file that an answer stands in.
    pub fn file(&self) -> Option<&NamedFile> {
        match self {
            Self::Respond(respond) => respond.body.file(),
            Self::Upstreams(_) | Self::Redirect(_) => None,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstreams(branches) => match &**branches {
                [only] => only.upstream.fmt(f),
                several => {
                    for (index, BranchSettings { upstream, weight }) in several.iter().enumerate() {
                        let comma = if index == 0 { "" } else { ", " };
                        write!(f, "{comma}{upstream} ({weight})")?;
                    }
                    Ok(())
                }
            },
            Self::Redirect(_) => f.write_str("(redirect)"),
            Self::Respond(_) => f.write_str("(respond)"),
        }
    }
}
