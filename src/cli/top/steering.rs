//! What can be had done from here: named in full before it is confirmed.

use super::text::harmless;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Steering {
    /// Move everybody away from an endpoint.
    Drain { upstream: String, endpoint: String, tunnels: usize },
    /// Let it take newcomers again.
    Undrain { upstream: String, endpoint: String },
    /// End one tunnel at once.
    Close { tunnel: u64, client: String, route: String },
}

impl Steering {
    /// Its name, short.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Drain { upstream, endpoint, .. } => format!("drain {}", harmless(&format!("{upstream}/{endpoint}"))),
            Self::Undrain { upstream, endpoint } => {
                format!("take {} back", harmless(&format!("{upstream}/{endpoint}")))
            }
            Self::Close { tunnel, .. } => format!("close tunnel {tunnel}"),
        }
    }

    /// What it will do, for who has to confirm it.
    pub(super) fn consequence(&self) -> String {
        match self {
            Self::Drain { tunnels, .. } => {
                let count = crate::cli::show::tunnels(*tunnels);
                format!(
                    "It takes no newcomers until it is taken back, and its clients are told to come back elsewhere \
                     ({count} now), at the pace and by the deadline of the configuration."
                )
            }
            Self::Undrain { .. } => {
                "It takes newcomers again. A drain that is under way ends; who was told goes.".into()
            }
            Self::Close { client, route, .. } => format!(
                "The tunnel of {} on route {} ends at once; its client reads Close 4403 \"revoked\".",
                harmless(client),
                harmless(route)
            ),
        }
    }
}
