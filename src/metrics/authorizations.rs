//! What became of questions to servers that are asked whether requests may enter.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthResult {
    /// The answer was yes.
    Granted,
    /// It was no.
    Denied,
    /// There was none, or one that says neither.
    Failed,
    /// There was none in time.
    Timeout,
}

impl AuthResult {
    const ALL: [Self; 4] = [Self::Granted, Self::Denied, Self::Failed, Self::Timeout];

    fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
        }
    }
}

/// How many questions there were, by what became of them.
#[derive(Debug)]
pub(super) struct Authorizations {
    /// Of requests.
    requests: Family<AuthLabels, Counter>,
    /// Of open tunnels.
    rechecks: Family<AuthLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AuthLabels {
    result: &'static str,
}

impl Default for Authorizations {
    fn default() -> Self {
        let (requests, rechecks) = <(Family<AuthLabels, Counter>, Family<AuthLabels, Counter>)>::default();
        for result in AuthResult::ALL {
            requests.get_or_create_owned(&AuthLabels { result: result.as_str() });
            rechecks.get_or_create_owned(&AuthLabels { result: result.as_str() });
        }
        Self { requests, rechecks }
    }
}

impl Authorizations {
    /// Counts the question of a request.
    pub(super) fn asked(&self, result: AuthResult) {
        self.requests.get_or_create(&AuthLabels { result: result.as_str() }).inc();
    }

    /// Counts a question about open tunnels.
    pub(super) fn asked_again(&self, result: AuthResult) {
        self.rechecks.get_or_create(&AuthLabels { result: result.as_str() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests about which another server was asked, by what came of it";
        registry.register("authorize_requests", help, self.requests.clone());
        let help = "Questions to another server about open tunnels, by what came of them";
        registry.register("authorize_rechecks", help, self.rechecks.clone());
    }
}
