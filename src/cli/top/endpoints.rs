//! The endpoints as rows: found by a part of their name, and in the order that is asked for.

use std::cmp::Ordering;

use strum::VariantArray;

use super::measure::Measure;
use super::seen::Seen;
use super::text::harmless;
use crate::admin::SortOrder;
use crate::cli::show;

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndpointRow {
    pub(super) upstream: String,
    pub(super) endpoint: String,
    pub(super) address: String,
    pub(super) tunnels: usize,
    /// Those among them that processes hold which handed over.
    pub(super) elsewhere: usize,
    /// How many more than a minute ago.
    pub(super) change: i64,
    /// `eligible`, or what speaks against it.
    pub(super) state: String,
    /// Since when that does, and why.
    pub(super) why: String,
}

/// What they are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub(super) enum EndpointSort {
    /// In which order the file or the source has them.
    #[default]
    Place,
    Tunnels,
    Change,
    State,
    Name,
}

impl EndpointRow {
    /// `UPSTREAM/NAME`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.upstream, self.endpoint)
    }

    pub(super) fn is_well(&self) -> bool {
        self.state == "eligible"
    }
}

/// Those whose name has `filter` in it.
pub(super) fn rows(
    seen: &Seen,
    measure: &Measure,
    filter: &str,
    (sort, order): (EndpointSort, SortOrder),
) -> Vec<EndpointRow> {
    let all = seen.upstreams.iter().flat_map(|upstream| upstream.endpoints.iter().map(|it| (&upstream.name, it)));
    let mut rows: Vec<_> = all
        .map(|(upstream, it)| EndpointRow {
            upstream: upstream.clone(),
            endpoint: it.name.clone(),
            address: harmless(&it.address),
            tunnels: it.tunnels,
            elsewhere: it.tunnels_of_predecessors,
            change: measure.change_of(&format!("{upstream}/{}", it.name)),
            state: harmless(&show::state(it)),
            why: harmless(&show::why(it)),
        })
        .filter(|row| row.name().contains(filter))
        .collect();
    let compared = |one: &EndpointRow, other: &EndpointRow| match sort {
        EndpointSort::Place => Ordering::Equal,
        EndpointSort::Tunnels => other.tunnels.cmp(&one.tunnels),
        EndpointSort::Change => other.change.cmp(&one.change),
        // Those with a problem first.
        EndpointSort::State => (one.is_well(), &one.state).cmp(&(other.is_well(), &other.state)),
        EndpointSort::Name => one.name().cmp(&other.name()),
    };
    // Equal ones stay where they are.
    rows.sort_by(|one, other| match order {
        SortOrder::Descending => compared(one, other),
        SortOrder::Ascending => compared(other, one),
    });
    if (sort, order) == (EndpointSort::Place, SortOrder::Ascending) {
        rows.reverse();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::samples::seen;
    use super::*;

    #[test]
    fn endpoints_are_found_and_ordered() {
        let mut measure = Measure::default();
        [0, 2].iter().for_each(|second| measure.note(&seen(*second)));
        let names = |filter: &str, sort, order| {
            let rows = rows(&seen(2), &measure, filter, (sort, order));
            rows.iter().map(|row| row.endpoint.clone()).collect::<String>()
        };
        let down = SortOrder::Descending;
        assert_eq!(names("", EndpointSort::Place, down), "abc");
        assert_eq!(names("", EndpointSort::Place, SortOrder::Ascending), "cba");
        assert_eq!(names("", EndpointSort::Tunnels, SortOrder::Ascending), "cba");
        assert_eq!(names("", EndpointSort::Change, down), "acb");
        assert_eq!(names("", EndpointSort::State, down), "cba", "what is not well comes first");
        assert_eq!(names("t/b", EndpointSort::Name, down), "b");
    }
}
