//! What is counted: each metric's event happens, and it has moved; what clients choose makes no series; and the page that starts from
//! what somebody sees names what there is.

mod bounded;
mod moves;
mod page;
mod read_back;
mod scraped;

use windlass::metrics::{Exposition, Gauges};

use crate::rig::{Proxy, until};

/// Every sample of the counters, as Prometheus reads them.
fn samples(proxy: &Proxy) -> Vec<(String, f64)> {
    let text = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// What this series is at; 0 where it is not there.
fn value(proxy: &Proxy, series: &str) -> f64 {
    samples(proxy).into_iter().find(|(name, _)| name == series).map_or(0.0, |(_, value)| value)
}

/// Waits until this series has moved to `expected`.
async fn is_at(proxy: &Proxy, series: &str, expected: f64) {
    until(&format!("{series} is at {expected}"), || value(proxy, series) == expected).await;
}
