//! What goes through open tunnels, as Prometheus reads it: it moves while they are open, not when they end.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::rows::{Labels, Rows, SeriesValue};
use crate::config::RouteName;
use crate::traffic::{PING_SECONDS, RouteTraffic, SIZES, Spread};
use crate::websocket::{Direction, Side};

/// How values are spread between borders.
#[derive(Clone, Debug)]
struct Histogram {
    borders: Vec<f64>,
    spread: Spread,
}

/// So many seconds, which only become more.
#[derive(Clone, Copy, Debug)]
struct Seconds(f64);

/// Registers what went through the tunnels of each route.
pub(super) fn register(traffic: &BTreeMap<RouteName, RouteTraffic>, registry: &mut Registry) {
    let help = "Data messages that passed through tunnels";
    registry.register("tunnel_messages", help, by_direction(traffic, |it, direction| it.counts[direction].messages));
    let help = "Bytes that passed through tunnels, frame headers included";
    registry.register("tunnel_bytes", help, by_direction(traffic, |it, direction| it.counts[direction].bytes));
    let help = "Pings of clients and endpoints that passed through tunnels";
    registry.register("tunnel_pings", help, by_direction(traffic, |it, direction| it.pings[direction]));
    let sizes = by_direction(traffic, |it, direction| {
        let borders = SIZES.map(|border| border as f64).to_vec();
        Histogram { borders, spread: it.sizes[direction] }
    });
    registry.register("tunnel_message_size_bytes", "Payload of messages, as it is on the wire", sizes);
    let help = "For how long tunnels were not read in a direction because the other side took nothing";
    let held_back = by_direction(traffic, |it, direction| Seconds(it.held_back[direction].as_secs_f64()));
    registry.register("tunnel_held_back_seconds", help, held_back);
    let help = "How long the two sides took to answer pings of windlass";
    registry.register("tunnel_ping_seconds", help, ping_times(traffic));
}

fn by_direction<V>(
    traffic: &BTreeMap<RouteName, RouteTraffic>,
    value: impl Fn(&RouteTraffic, Direction) -> V,
) -> Rows<V> {
    let both = [Direction::FromClient, Direction::FromUpstream];
    Rows::new(traffic.iter().flat_map(|(route, it)| {
        both.map(|direction| (labels(route, ("direction", direction.as_str())), value(it, direction)))
    }))
}

fn ping_times(traffic: &BTreeMap<RouteName, RouteTraffic>) -> Rows<Histogram> {
    Rows::new(traffic.iter().flat_map(|(route, it)| {
        [Side::Client, Side::Upstream].map(|side| {
            let histogram = Histogram { borders: PING_SECONDS.to_vec(), spread: it.ping_times[side] };
            (labels(route, ("side", side.as_str())), histogram)
        })
    }))
}

fn labels(route: &RouteName, (name, value): (&'static str, &str)) -> Labels {
    vec![("route", route.to_string()), (name, value.to_owned())]
}

impl SeriesValue for Histogram {
    const KIND: MetricType = MetricType::Histogram;

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let Self { borders, spread } = self;
        let borders = borders.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = borders.zip(spread.buckets).collect();
        encoder.encode_histogram::<NoLabelSet>(spread.sum, spread.count(), &buckets, None)
    }
}

impl SeriesValue for Seconds {
    const KIND: MetricType = MetricType::Counter;

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, _, f64>(&self.0, None)
    }
}
