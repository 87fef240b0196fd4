//! Whether an endpoint may find at another place than in the path of its route what a request asks for.

use std::sync::Arc;

use crate::config::{DotSegments, ListenerName, OtherSpellings, has_dot_segments};
use crate::http::Refusal;
use crate::http::unclean::Unclean;
use crate::rules::{Subject, TidiedPath, is_plain};
use crate::snapshot::{Route, Snapshot, Target};

/// Refuses a path that leads, for some endpoint, out of the route that the request took. What is asked of those who ask for the path that
/// such an endpoint reads, nobody would have asked.
pub(in crate::session) fn check_path(
    snapshot: &Snapshot,
    route: &Arc<Route>,
    listener: &ListenerName,
    (host, path): (&str, &str),
    request: Subject<'_>,
) -> Result<(), Refusal> {
    if is_plain(path) {
        return Ok(());
    }
    let settings = &*route.settings;
    let refuses_dots = settings.dot_segments == DotSegments::Refuse;
    let is_for_all = settings.path == "/";
    if refuses_dots && !is_for_all && has_dot_segments(path) {
        return Err(Refusal::Unclean(Unclean::DotSegments));
    }
    // What is answered here is read by no endpoint.
    if settings.other_spellings == OtherSpellings::Pass || !matches!(route.target, Target::Upstreams(_)) {
        return Ok(());
    }
    let tidied = TidiedPath::of(path);
    let spellings = &snapshot.spellings;
    let is_unsure = refuses_dots && tidied.has_dot_segments() || tidied.begins_with_host();
    let leads_out = is_unsure && (!is_for_all || spellings.may_lead_below(listener, host, &tidied, request));
    let is_same = || spellings.find(listener, host, &tidied, request).is_some_and(|found| Arc::ptr_eq(found, route));
    if leads_out || !is_same() { Err(Refusal::Unclean(Unclean::OtherSpelling)) } else { Ok(()) }
}
