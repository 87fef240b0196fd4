//! A request head that two parsers could read in two ways, or that is too large: it never becomes a request.

use super::context::Session;
use super::no_request::turned_away;
use crate::config::HygieneSettings;
use crate::http::http1::answer;
use crate::judge::Flaw;

/// Notes it, and gives the whole answer.
pub(super) fn refuse(session: &Session, flaw: Flaw) -> Vec<u8> {
    let proxy = &session.proxy;
    turned_away(
        (flaw.log_word(), "client"),
        (&proxy.metrics, &proxy.sums),
        &session.listener,
        session.peer.ip(),
        &flaw,
    );
    answer::of_flaw(flaw, &words(flaw, &session.listener.settings.hygiene))
}

/// What the client is told: where there is a limit, that too.
fn words(flaw: Flaw, limits: &HygieneSettings) -> String {
    match flaw {
        Flaw::TargetTooLong => format!("the request target has more than {} bytes", limits.max_target),
        Flaw::HeadTooLarge => format!("the head has more than {} bytes", limits.max_head),
        Flaw::TooManyHeaderLines => format!("there are more than {} header lines", limits.max_header_lines),
        Flaw::HeaderLineTooLong => format!("a header line has more than {} bytes", limits.max_header_line),
        _ => flaw.to_string(),
    }
}
