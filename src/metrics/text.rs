//! Counters and gauges as Prometheus reads them.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::buckets::{Buckets, Distribution, WAITS};
use super::cells::load;
use super::counters::{Metrics, ResultLabels, Times};
use super::exposition::Exposition;
use super::gauges::{AllocatorUsage, Gauges, ProcessUsage, TunnelsOpen};
use super::listener_certificates::first_ends;
use super::rows::{Labels, Rows, family, signed};
use super::table::Table;
use super::{certificates, keys, listener_certificates, sources, traffic};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: String,
    address: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DrainLabels {
    drain: u64,
    cause: &'static str,
    scope: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DrainStateLabels {
    drain: u64,
    cause: &'static str,
    scope: String,
    state: &'static str,
}

impl Metrics {
    /// Everything, with `now` as the state of things.
    pub fn encode(&self, now: &Gauges, exposition: Exposition) -> Result<String, fmt::Error> {
        // Built anew each time: what is gone since then leaves no series behind.
        let mut registry = Registry::default();
        let ours = registry.sub_registry_with_prefix("windlass");
        self.register(ours);
        self.reloads.register(now.counting_since, ours);
        now.register(ours);
        // Their names are everybody's: dashboards and alerts know them.
        now.process.register(registry.sub_registry_with_prefix("process"));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(exposition.of_open_metrics(text))
    }

    fn register(&self, registry: &mut Registry) {
        let Self { lenient, .. } = self;
        self.register_routes(registry);
        let help = "Requests that windlass answered by itself, and connections that it turned away, by reason";
        registry.register("refusals", help, by("reason", &self.refusals));
        let help = "Requests and tunnels that needed what a route with strictness lenient lets pass";
        registry.register("lenient", help, lenient.clone());
        registry.register(
            "log_lines_dropped",
            "Lines of the log that were dropped because nobody read them in time",
            self.log_lines_dropped.clone(),
        );
        self.spans.register(registry);
        let timed = |of: fn(&Times) -> &Buckets| {
            Rows::new([(Labels::new(), Distribution::of(&WAITS, self.times.each().map(of)))])
        };
        let help = "How long after its request a tunnel opened";
        registry.register("tunnel_opening_seconds", help, timed(|times| &times.opening));
        let help = "How long connections with endpoints took that came to be";
        registry.register("endpoint_connecting_seconds", help, timed(|times| &times.connecting));
        let help = "How long those waited for an endpoint's place or turn who got it";
        registry.register("queue_waiting_seconds", help, timed(|times| &times.waiting));
        self.phases.register(registry);
        let help = "Attempts to prolong tunnels by a fresh token, by what came of them";
        registry.register("renewals", help, by("result", &self.renewals));
        registry.register(
            "endpoint_tls_failures",
            "Connections with endpoints that came to no TLS, by upstream and why",
            self.endpoint_tls_failures.series(),
        );
        self.client_protocols.register(registry);
        self.authorizations.register(registry);
        self.moves.register(registry);
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        self.register_plain(registry);
        // Not an OpenMetrics info: the older text knows no such kind.
        let build = [(BuildLabels { version: env!("CARGO_PKG_VERSION") }, 1)];
        registry.register("build_info", "Which windlass this is", family(build));
        let here = self.tunnels.iter().map(|it| (tunnel_labels(it), it));
        let elsewhere = self.tunnels_of_predecessors.iter().map(|it| {
            let of_predecessor = ("process", "predecessor".to_owned());
            (tunnel_labels(it).into_iter().chain([of_predecessor]).collect(), it)
        });
        let open = here.chain(elsewhere).map(|(labels, it): (Vec<_>, _)| (labels, signed(it.count as u64)));
        let help =
            "Open tunnels; those of processes that handed over stand apart, and a sum counts them where they are";
        registry.register("tunnels_open", help, family(open));
        traffic::register(&self.traffic, registry);
        self.register_endpoints(registry);
        self.register_names(registry);
        sources::register(&self.sources, registry);
        keys::register(&self.keys, registry);
        listener_certificates::register(self, registry);
        certificates::register(&self.ordered, registry);
        let up = self.listeners.iter().map(|(listener, address)| {
            (ListenerLabels { listener: listener.to_string(), address: address.to_string() }, 1)
        });
        registry.register("listener_open", "1 for each listener that accepts", family(up));
        self.register_drains(registry);
        if let Some(usage) = self.allocator {
            usage.register(registry);
        }
    }

    fn register_names(&self, registry: &mut Registry) {
        let lookups = Family::<ResultLabels, Counter>::default();
        for (result, count) in [("answered", self.names.answered), ("failed", self.names.failed)] {
            lookups.get_or_create_owned(&ResultLabels::new(result)).inc_by(count);
        }
        registry.register("name_lookups", "Lookups of names, by what came of them", lookups);
        for (name, help, value) in [
            ("names_known", "How many names of endpoints are kept resolved", self.names.known as u64),
            ("names_failing", "How many of them cannot be resolved now", self.names.failing as u64),
            (
                "names_stale_seconds",
                "Greatest age of addresses that are used because their name cannot be resolved",
                self.names.oldest.as_secs(),
            ),
        ] {
            registry.register(name, help, constant(signed(value)));
        }
    }

    /// What has no labels.
    fn register_plain(&self, registry: &mut Registry) {
        let expired = first_ends(&self.certificates).values().filter(|ends| **ends < self.time).count();
        for (name, help, value) in [
            (
                "counting_since_seconds",
                "Unix time since which the counters count; a handoff begins anew",
                self.counting_since,
            ),
            ("config_generation", "Which configuration is served", self.generation),
            ("ready", "1 while new sessions and tunnels are welcome", u64::from(self.is_ready)),
            ("sessions_open", "Connections that are no tunnel", self.sessions as u64),
            ("predecessors", "Processes that handed over and drain still", self.predecessors as u64),
            ("tunnels_max", "How many connections and tunnels there is room for", self.most_tunnels as u64),
            ("certificates_expired", "How many listeners have a certificate that has ended", expired as u64),
        ] {
            registry.register(name, help, constant(signed(value)));
        }
    }

    fn register_drains(&self, registry: &mut Registry) {
        let states = self.drains.iter().flat_map(|it| {
            let state = |state, count: usize| {
                let labels = DrainStateLabels { drain: it.id, cause: it.cause, scope: it.scope.clone(), state };
                (labels, signed(count as u64))
            };
            [state("left", it.left), state("told", it.told), state("closed", it.closed), state("cut", it.cut)]
        });
        registry.register("drain_tunnels", "Tunnels of the drains under way", family(states));
        let ends = self.drains.iter().map(|it| {
            let labels = DrainLabels { drain: it.id, cause: it.cause, scope: it.scope.clone() };
            (labels, signed(it.ends_in.as_secs()))
        });
        registry.register("drain_ends_in_seconds", "When what is left of a drain is cut", family(ends));
    }
}

/// No struct: a label that is empty would be written, too.
fn tunnel_labels(open: &TunnelsOpen) -> Vec<(&'static str, String)> {
    let TunnelsOpen { route, upstream, endpoint, .. } = open;
    vec![("route", route.to_string()), ("upstream", upstream.to_string()), ("endpoint", endpoint.to_string())]
}

impl ProcessUsage {
    fn register(&self, registry: &mut Registry) {
        let Self { cpu_seconds, resident_bytes, virtual_bytes, descriptors, most_descriptors, started_at } = *self;
        if let Some(taken) = cpu_seconds {
            registry.register("cpu_seconds", "Time on a core, in seconds", ConstCounter::new(taken));
        }
        for (name, help, value) in [
            ("resident_memory_bytes", "Memory that is really there", resident_bytes),
            ("virtual_memory_bytes", "Addresses that are taken", virtual_bytes),
            ("open_fds", "Open file descriptors", descriptors),
            ("max_fds", "How many file descriptors may be open", most_descriptors),
        ] {
            if let Some(value) = value {
                registry.register(name, help, constant(signed(value)));
            }
        }
        if let Some(began) = started_at {
            let help = "When the process began, in seconds since 1970";
            registry.register("start_time_seconds", help, ConstGauge::new(began));
        }
    }
}

impl AllocatorUsage {
    fn register(self, registry: &mut Registry) {
        let Self { allocated, active, metadata, resident, retained } = self;
        let parts = [
            ("allocated", allocated),
            ("active", active),
            ("metadata", metadata),
            ("resident", resident),
            ("retained", retained),
        ];
        let parts = parts.map(|(part, bytes)| (PartLabels { part }, signed(bytes)));
        registry.register("allocator_bytes", "Where the memory is, by the count of the allocator", family(parts));
    }
}

/// Counts by one word.
fn by(label: &'static str, counts: &Table<&'static str, AtomicU64>) -> Rows<u64> {
    Rows::new(counts.all().into_iter().map(|(word, count)| (vec![(label, word.to_owned())], load(&count))))
}

fn constant(value: i64) -> ConstGauge<i64> {
    ConstGauge::new(value)
}

#[cfg(test)]
mod tests;
