//! Which traces are taken, and with which a request goes on.

use http::HeaderMap;

use super::trace_context::TraceContext;
use crate::config::{FollowedParents, TracesSettings};
use crate::http::forward::Trust;

/// Which traces are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The share of those that begin here.
    share: f64,
    parent: FollowedParents,
}

/// The span of a request: which it is, and what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is one more of a trace that somebody before us has begun.
    Continued {
        /// Theirs.
        parent: TraceContext,
        /// Ours.
        own: TraceContext,
    },
    /// A trace begins with it.
    Root {
        /// Ours.
        own: TraceContext,
        /// What the request said it belonged to, which is not believed.
        said: Option<TraceContext>,
    },
}

impl Sampling {
    /// As these settings say.
    pub fn new(settings: &TracesSettings) -> Self {
        Self { share: settings.sample.map_or(0.0, |sample| sample.get()), parent: settings.parent }
    }

    /// The span of a request with these headers, by who is trusted so; `random` are a random trace, a span, and a share.
    pub fn begin(self, headers: &HeaderMap, trust: Trust, random: (u128, u64, f64)) -> Begun {
        let (trace, span, share) = random;
        let said = TraceContext::of(headers);
        let is_followed = match self.parent {
            FollowedParents::All => true,
            FollowedParents::Trusted => trust == Trust::Trusted,
            FollowedParents::None => false,
        };
        match said.filter(|_| is_followed) {
            Some(parent) => Begun::Continued { parent, own: parent.child(span) },
            None => Begun::Root { own: TraceContext::begin((trace, span), share < self.share), said },
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::trace_context::PARENT;
    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn begin(parent: FollowedParents, said: Option<&'static str>, trust: Trust, share: f64) -> Begun {
        let headers = said.map(|said| (PARENT, HeaderValue::from_static(said))).into_iter().collect();
        Sampling { share: 0.5, parent }.begin(&headers, trust, (7, 8, share))
    }

    #[test]
    fn who_is_followed_decides_and_nobody_else() {
        for (parent, trust, is_followed) in [
            (FollowedParents::Trusted, Trust::Trusted, true),
            (FollowedParents::Trusted, Trust::Untrusted, false),
            (FollowedParents::All, Trust::Untrusted, true),
            (FollowedParents::None, Trust::Trusted, false),
        ] {
            for (said, is_sampled) in [(SAMPLED, true), (UNSAMPLED, false)] {
                match begin(parent, Some(said), trust, 0.1) {
                    Begun::Continued { parent, own } => {
                        assert!(is_followed, "{parent:?}");
                        assert_eq!((parent.to_string().as_str(), own.trace), (said, parent.trace));
                        assert_eq!((own.is_sampled(), own.span == parent.span), (is_sampled, false));
                    }
                    Begun::Root { own, said: link } => {
                        assert!(!is_followed && own.is_sampled());
                        assert_eq!(link.unwrap().to_string(), said);
                        assert_ne!(own.trace, link.unwrap().trace);
                    }
                }
            }
        }
    }

    #[test]
    fn where_nobody_has_begun_one_the_share_decides() {
        for (said, share, is_sampled) in [(None, 0.4, true), (None, 0.6, false), (Some("nonsense"), 0.4, true)] {
            let own = TraceContext::begin((7, 8), is_sampled);
            let begun = begin(FollowedParents::All, said, Trust::Trusted, share);
            assert_eq!(begun, Begun::Root { own, said: None });
        }
    }
}
