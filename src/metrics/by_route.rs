//! What is counted of routes, as Prometheus reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::buckets::Distribution;
use super::cells::load;
use super::client_protocols::ClientProtocol;
use super::counters::Metrics;
use super::refusal_kind::RefusalKind;
use super::route_counts::{EndingKey, ExchangeKey, RouteCounts};
use super::rows::{Labels, Rows};
use super::words::{CLASSES, NO_ANSWER};
use crate::config::RouteName;

type Counted = Vec<(RouteName, Arc<RouteCounts>)>;

impl Metrics {
    /// Registers what is counted of each route.
    pub(super) fn register_routes(&self, registry: &mut Registry) {
        let routes = self.routes.all();
        self.register_tunnels(&routes, registry);
        self.register_exchanges(&routes, registry);
        let refused = each(&routes, |route, counts| {
            let kinds = RefusalKind::ALL.into_iter().filter(|kind| *kind != RefusalKind::Connection);
            kinds.map(|kind| (of_route(route, [("kind", kind.as_str())]), counts.refused(kind))).collect()
        });
        let help = "Requests that windlass answered by itself after they had found their route, by what it was about";
        registry.register("route_refusals", help, refused);
        let back = each(&routes, |route, counts| {
            let mut back: BTreeMap<_, _> = self.words.outcomes.iter().map(|outcome| (*outcome, 0)).collect();
            back.extend(counts.reconnections.all().into_iter().map(|(outcome, count)| (outcome, load(&count))));
            back.into_iter().map(|(outcome, count)| (of_route(route, [("after", outcome)]), count)).collect()
        });
        let help = "Clients that asked for a tunnel within a minute after theirs had ended, by how it had";
        registry.register("reconnections", help, back);
    }

    fn register_tunnels(&self, routes: &Counted, registry: &mut Registry) {
        let opened = each(routes, |route, counts| {
            let of = |protocol: ClientProtocol| {
                (of_route(route, [("protocol", protocol.as_str())]), counts.opened(protocol))
            };
            ClientProtocol::ALL.map(of).to_vec()
        });
        registry.register("tunnels_opened", "Tunnels that were ever opened", opened);
        let ended = each(routes, |route, counts| {
            let labels =
                |(outcome, by, code): &EndingKey| of_route(route, [("outcome", outcome), ("by", by), ("code", code)]);
            self.endings_of(counts).iter().map(|(key, count)| (labels(key), *count)).collect()
        });
        registry.register("tunnels_ended", "Tunnels that ended, by how, by whom and with which code", ended);
        let open = each(routes, |route, counts| {
            let labels = |listener: &str, protocol: ClientProtocol| {
                of_route(route, [("listener", listener), ("protocol", protocol.as_str())])
            };
            counts
                .open()
                .iter()
                .map(|((listener, protocol), open)| (labels(listener.as_str(), *protocol), *open))
                .collect()
        });
        let help = "Open tunnels of this process, by where their clients came in and what those speak";
        registry.register("listener_tunnels_open", help, open);
        let help = "How long tunnels were open that have ended";
        registry.register("tunnel_duration_seconds", help, spread(routes, RouteCounts::lives));
        let help = "For how long nothing had passed through tunnels when their end began";
        registry.register("tunnel_quiet_seconds", help, spread(routes, RouteCounts::quiets));
    }

    fn register_exchanges(&self, routes: &Counted, registry: &mut Registry) {
        let exchanges = each(routes, |route, counts| {
            let labels = |(class, outcome): ExchangeKey| of_route(route, [("class", class), ("outcome", outcome)]);
            self.exchanges_of(counts).into_iter().map(|(key, count)| (labels(key), count)).collect()
        });
        let help = "Plain requests that were not refused, by the class of the answer and how they ended";
        registry.register("exchanges", help, exchanges);
        let help = "How long plain requests took that were not refused, to the end of their answer";
        registry.register("exchange_seconds", help, spread(routes, RouteCounts::answering));
    }

    /// How tunnels of a route ended, with those at 0 that can be foreseen.
    pub(super) fn endings_of(&self, counts: &RouteCounts) -> BTreeMap<EndingKey, u64> {
        let mut endings: BTreeMap<_, _> = self.words.endings.iter().map(|key| (key.clone(), 0)).collect();
        endings.extend(counts.ended.all().into_iter().map(|(key, count)| (key, load(&count))));
        endings
    }

    /// How exchanges of a route ended: at 0 those of each class that come to their end, and those without an answer that do not.
    pub(super) fn exchanges_of(&self, counts: &RouteCounts) -> BTreeMap<ExchangeKey, u64> {
        let (whole, broken) = (self.words.exchanges.first(), self.words.exchanges.iter().skip(1));
        let whole = whole.into_iter().flat_map(|outcome| CLASSES.map(|class| (class, *outcome)));
        let foreseen = whole.chain(broken.map(|outcome| (NO_ANSWER, *outcome)));
        let mut exchanges: BTreeMap<_, _> = foreseen.map(|key| (key, 0)).collect();
        exchanges.extend(counts.exchanges());
        exchanges
    }
}

/// The series of each route.
fn each<V>(routes: &Counted, of: impl Fn(&RouteName, &RouteCounts) -> Vec<(Labels, V)>) -> Rows<V> {
    Rows::new(routes.iter().flat_map(|(route, counts)| of(route, counts)))
}

fn spread(routes: &Counted, of: fn(&RouteCounts) -> Distribution) -> Rows<Distribution> {
    each(routes, |route, counts| vec![(of_route(route, []), of(counts))])
}

/// The labels of a series of this route.
fn of_route<const N: usize>(route: &RouteName, more: [(&'static str, &str); N]) -> Labels {
    let more = more.map(|(name, value)| (name, value.to_owned()));
    [("route", route.to_string())].into_iter().chain(more).collect()
}
