//! What became of the open tunnels of the process before.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use strum::VariantArray;

use crate::drain::Stays;

/// How many tunnels of processes before went on here, and how many did not, and why.
#[derive(Debug)]
pub(super) struct Moves {
    tunnels: Family<MoveLabels, Counter>,
    /// The longest that one of the last handoff stood still, in seconds.
    longest_pause: Gauge<f64, AtomicU64>,
    /// Those of which is known no more what their messages inflate to.
    lost_inflate_limits: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MoveLabels {
    result: &'static str,
}

impl Default for Moves {
    fn default() -> Self {
        let tunnels = Family::<MoveLabels, Counter>::default();
        for result in [MOVED].into_iter().chain(Stays::VARIANTS.iter().map(|stays| stays.as_str())) {
            tunnels.get_or_create_owned(&MoveLabels { result });
        }
        Self { tunnels, longest_pause: Gauge::default(), lost_inflate_limits: Counter::default() }
    }
}

impl Moves {
    pub(super) fn note(&self, moved: usize, stayed: &BTreeMap<Stays, usize>, longest_pause: Duration) {
        let count = |result, tunnels: usize| {
            let tunnels = u64::try_from(tunnels).unwrap_or(u64::MAX);
            self.tunnels.get_or_create_owned(&MoveLabels { result }).inc_by(tunnels);
        };
        count(MOVED, moved);
        stayed.iter().for_each(|(why, tunnels)| count(why.as_str(), *tunnels));
        if moved > 0 {
            self.longest_pause.set(longest_pause.as_secs_f64());
        }
    }

    pub(super) fn note_lost_inflate_limit(&self) {
        self.lost_inflate_limits.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Open tunnels of processes before that went on here, or did not, by why";
        registry.register("handoff_tunnels", help, self.tunnels.clone());
        let help = "The longest that a tunnel stood still that came here last from a process before";
        registry.register("handoff_longest_pause_seconds", help, self.longest_pause.clone());
        let help = "Tunnels that went on here and whose max_inflated_message is judged no more";
        registry.register("handoff_lost_inflate_limits", help, self.lost_inflate_limits.clone());
    }
}

const MOVED: &str = "moved";
