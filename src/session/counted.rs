//! The words by which requests and tunnels are counted, told to the counters before anything happens.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::end::End;
use super::no_request::NoRequest;
use crate::config::{Settings, WebsocketSettings};
use crate::drain::{Cause, StopOrder};
use crate::http::Refusal;
use crate::metrics::{Metrics, Words};
use crate::tunnel::{Ending, Loss};
use crate::websocket::{CloseCode, Side, Violation};

/// The counters of a proxy that serves `settings`: all that can be foreseen stands at 0.
pub(super) fn counters(settings: &Settings, workers: usize) -> Metrics {
    let websocket = settings.routes.values().next().map(|route| &route.websocket);
    let ended = |ending: &Ending| websocket.map(|websocket| labels(ending, websocket));
    let foreseen = foreseen(settings.drain.close_code);
    let endings: Vec<_> = foreseen.iter().filter_map(ended).collect();
    let outcomes: BTreeSet<_> = foreseen.iter().map(Ending::metric_word).collect();
    let outcomes: Vec<_> = outcomes.into_iter().collect();
    let refusals: Vec<_> = Refusal::log_words().chain(NoRequest::log_words()).collect();
    let exchanges: Vec<_> = End::log_words().collect();
    let renewals: Vec<_> = [RENEWED].into_iter().chain(UNRENEWED.map(Refusal::log_word)).collect();
    let words = Words {
        refusals: &refusals,
        exchanges: &exchanges,
        outcomes: &outcomes,
        endings: &endings,
        renewals: &renewals,
    };
    Metrics::new(words, workers)
}

/// How, by whom and with which code a tunnel ended.
pub(super) fn labels(ending: &Ending, settings: &WebsocketSettings) -> (&'static str, &'static str, Option<CloseCode>) {
    let by = ending.by().map_or("windlass", |side| side.as_str());
    (ending.metric_word(), by, ending.code(settings))
}

/// Every ending, with the codes that it usually has: of the peers' own, the two that browsers send, and none.
fn foreseen(drained: CloseCode) -> Vec<Ending> {
    let order = |cause| StopOrder { cause, code: drained, reason: None, deadline: Instant::now() };
    let drains = [
        Cause::Stop,
        Cause::Reload,
        Cause::Handoff,
        Cause::Operator,
        Cause::EndpointDown,
        Cause::Discovery,
        Cause::Revoked,
    ]
    .map(|cause| Ending::Drained(order(cause)));
    let withdrawn = [Cause::Refused, Cause::Unconfirmed]
        .map(|cause| Ending::Drained(StopOrder { code: CloseCode::FORBIDDEN, ..order(cause) }));
    let by_side = [Side::Client, Side::Upstream].into_iter().flat_map(|side| {
        let codes = [Some(CloseCode::NORMAL), Some(CloseCode::GOING_AWAY), None];
        let closes = codes.map(|code| Ending::PeerClosed { by: side, code });
        let violations = VIOLATIONS.map(|violation| Ending::Violated { by: side, violation });
        let lost = [Loss::Finished, Loss::Broken].map(|loss| Ending::Lost { side, loss });
        let silent = [Ending::NoPong(side), Ending::Stalled(side)];
        closes.into_iter().chain(violations).chain(lost).chain(silent)
    });
    drains
        .into_iter()
        .chain(withdrawn)
        .chain(by_side)
        .chain([Ending::Lifetime, Ending::Idle, Ending::Expired(CloseCode::POLICY_VIOLATION)])
        .collect()
}

/// What an attempt to prolong tunnels comes to, where it does.
pub(super) const RENEWED: &str = "renewed";

/// Why it does not.
const UNRENEWED: [Refusal; 4] =
    [Refusal::RenewalMethod, Refusal::RenewalUnnamed, Refusal::RenewalUnknown, Refusal::RenewalForeign];

/// One for each code that a violation is told with.
const VIOLATIONS: [Violation; 4] =
    [Violation::ReservedBits, Violation::DeflateCorrupt, Violation::MessageTooBig(0), Violation::TooManyMessages(0)];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/metrics.md");

    #[test]
    fn the_page_says_of_every_outcome_what_it_is_and_of_no_other() {
        let (_, section) = PAGE.split_once("## Outcomes").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let told: BTreeSet<_> = rows.map(|(word, what)| (word, what.len() > 10)).collect();
        let known: BTreeSet<_> = foreseen(CloseCode::SERVICE_RESTART).iter().map(Ending::metric_word).collect();
        assert_eq!(told, known.into_iter().map(|word| (word, true)).collect());
    }
}
