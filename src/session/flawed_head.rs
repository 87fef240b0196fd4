//! A request head that two parsers could read in two ways, or that is too large: it never becomes a request.

use std::sync::Arc;

use http::HeaderValue;

use super::context::Session;
use super::no_request::turned_away;
use crate::config::HygieneSettings;
use crate::http::http1::answer;
use crate::http::status_of;
use crate::judge::Flaw;
use crate::metrics::RefusalKind;
use crate::rules::{MOST_OF_A_PAGE_WITH_VARIABLES, Told};

/// Notes it, and gives the whole answer.
pub(super) fn refuse(session: &Session, flaw: Flaw) -> Vec<u8> {
    let proxy = &session.proxy;
    turned_away(
        (flaw.log_word(), RefusalKind::Connection, "client"),
        (&proxy.metrics, &proxy.sums),
        &session.listener,
        session.peer.ip(),
        &flaw,
    );
    let words = words(flaw, &session.listener.settings.hygiene);
    let status = status_of(flaw).as_u16();
    let pages = Arc::clone(&proxy.snapshot().error_pages);
    let told = Told { status, error: flaw.log_word(), message: &words, request_id: None };
    // It goes with its head in one piece, which is kept until the client has read it.
    let page = pages.find(status).map(|page| (page.content_type(), page.render(told)));
    match page.filter(|(_, text)| text.len() <= MOST_OF_A_PAGE_WITH_VARIABLES) {
        Some((content_type, text)) => answer::of_flaw(flaw, content_type, &text),
        None => answer::of_flaw(flaw, &TEXT, format!("{status} {words}\n").as_bytes()),
    }
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

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
