//! What is scraped, and what of it has moved since.

use std::collections::BTreeMap;

use super::samples;
use crate::operate::metrics::scrape;
use crate::rig::{PATIENCE, Program, Proxy, is_met};

/// The samples of one scrape.
#[derive(Debug)]
pub(super) struct Scraped(BTreeMap<String, f64>);

impl Scraped {
    /// What the program answers to Prometheus.
    pub(super) async fn of(windlass: &Program) -> Self {
        let text = scrape(windlass).await;
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Self(samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect())
    }

    /// The counters of a proxy in this process.
    pub(super) fn counted(proxy: &Proxy) -> Self {
        Self(samples(proxy).into_iter().collect())
    }

    /// Before anything was.
    pub(super) fn nothing() -> Self {
        Self(BTreeMap::new())
    }

    /// What this series is at; it must be there.
    pub(super) fn at(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("{series} is not among {:#?}", self.0.keys()))
    }

    /// The same where it may be absent.
    pub(super) fn find(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The series of this metric, by their labels, that are not where they were, and by how much.
    pub(super) fn moved_since(&self, before: &Self, metric: &str) -> Vec<(String, f64)> {
        let ours = self.0.iter().filter_map(|(series, value)| {
            let labels = series.strip_prefix(metric).filter(|labels| labels.is_empty() || labels.starts_with('{'))?;
            Some((labels.to_owned(), value - before.find(series).unwrap_or(0.0)))
        });
        ours.filter(|(_, by)| *by != 0.0).collect()
    }
}

/// Waits until this series of the program is where it should be.
pub(super) async fn until_at(windlass: &Program, series: &str, is_there: impl Fn(f64) -> bool) -> f64 {
    let mut last = None;
    let is_met = is_met(async || {
        last = Scraped::of(windlass).await.find(series);
        last.is_some_and(&is_there)
    })
    .await;
    assert!(is_met, "after {PATIENCE:?}, {series} is at {last:?}");
    last.unwrap()
}

/// Waits until so much of this metric of the program has moved, and nothing else of it.
pub(super) async fn has_moved(windlass: &Program, before: &Scraped, metric: &str, expected: &[(&str, f64)]) {
    let expected: Vec<_> = expected.iter().map(|(labels, by)| ((*labels).to_owned(), *by)).collect();
    let mut moved = vec![];
    let is_met = is_met(async || {
        moved = Scraped::of(windlass).await.moved_since(before, metric);
        moved == expected
    })
    .await;
    assert!(is_met, "after {PATIENCE:?}, {metric} has moved by {moved:?}, not by {expected:?}");
}
