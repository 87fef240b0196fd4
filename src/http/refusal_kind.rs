//! What kind of reason each refusal has, for those who count them by route.

use super::refusal::{Fault, Refusal};
use crate::metrics::RefusalKind;

impl Refusal {
    /// What it is about.
    pub fn kind(self) -> RefusalKind {
        match self {
            Self::NoPassword
            | Self::WrongPassword
            | Self::BadToken(_)
            | Self::KeysUnavailable
            | Self::RenewalUnnamed
            | Self::RenewalUnknown
            | Self::RenewalForeign
            | Self::Revoked
            | Self::AuthorizeDenied
            | Self::AuthorizeFailed
            | Self::AuthorizeTimeout => RefusalKind::Authentication,
            Self::ClientDenied | Self::ClientNotAllowed | Self::ForeignOrigin | Self::NoOrigin => RefusalKind::Access,
            Self::ClientRate
            | Self::ClientTunnels
            | Self::RouteFull
            | Self::PasswordsBusy
            | Self::NoRoom
            | Self::QueueFull
            | Self::QueueTimeout => RefusalKind::Limit,
            Self::NoEndpoint => RefusalKind::Endpoint,
            _ => match self.fault() {
                Fault::Client => RefusalKind::Request,
                Fault::Upstream => RefusalKind::Endpoint,
                Fault::Us => RefusalKind::Windlass,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::TokenFault;

    #[test]
    fn who_asks_is_told_from_what_is_asked_and_from_who_should_answer() {
        for (refusal, kind) in [
            (Refusal::BadToken(TokenFault::Expired), RefusalKind::Authentication),
            (Refusal::AuthorizeTimeout, RefusalKind::Authentication),
            (Refusal::ForeignOrigin, RefusalKind::Access),
            (Refusal::QueueFull, RefusalKind::Limit),
            (Refusal::BrokenBody, RefusalKind::Request),
            (Refusal::ConnectFailed, RefusalKind::Endpoint),
            (Refusal::NoEndpoint, RefusalKind::Endpoint),
            (Refusal::Draining, RefusalKind::Windlass),
        ] {
            assert_eq!(refusal.kind(), kind, "{refusal:?}");
        }
    }
}
