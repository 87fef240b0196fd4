//! Whether docs/metrics.md says what a scrape does: no more, and no less.

use std::collections::{BTreeMap, BTreeSet};

use super::specimen::scrape;

const PAGE: &str = include_str!("../../docs/metrics.md");

/// What is known of a metric: its type, and the labels that stand on each of its series, and on some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) kind: String,
    pub(super) always: BTreeSet<String>,
    pub(super) sometimes: BTreeSet<String>,
}

/// Every metric of a scrape.
pub(super) fn scraped() -> BTreeMap<String, Described> {
    let text = scrape();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut all: BTreeMap<String, Described> = BTreeMap::new();
    for (name, kind) in kinds {
        all.insert(name.to_owned(), Described { kind: kind.to_owned(), ..Described::default() });
    }
    let mut is_first = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let name = metric_of(name, &all);
        let labels: BTreeSet<String> = labels_of(labels).filter(|label| label != "le").collect();
        let described = all.get_mut(&name).unwrap();
        if is_first.insert(name) {
            described.always = labels;
        } else {
            let both: BTreeSet<_> = described.always.intersection(&labels).cloned().collect();
            let either: BTreeSet<_> = described.always.union(&labels).cloned().collect();
            described.sometimes.extend(either.difference(&both).cloned());
            described.always = both;
        }
    }
    all
}

/// The metric that a sample of this name belongs to.
pub(super) fn metric_of(name: &str, all: &BTreeMap<String, Described>) -> String {
    let of_histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| {
        let stem = name.strip_suffix(end)?;
        (all.get(stem)?.kind == "histogram").then_some(stem)
    });
    of_histogram.unwrap_or(name).to_owned()
}

/// The names of labels in what stands between braces.
fn labels_of(text: &str) -> impl Iterator<Item = String> {
    text.split("=\"")
        .filter_map(|part| part.rsplit(['"', ',', '{']).next())
        .filter(|name| is_name(name))
        .map(str::to_owned)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Every row of the page about metrics.
fn documented() -> BTreeMap<String, Described> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `windlass_") || line.starts_with("| `process_"));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, moves, _high] = cells[..] else { panic!("{line}: a row has five cells") };
        assert!(!moves.is_empty(), "{line}: what moves it?");
        let (sometimes, always) =
            labels.split(", ").filter(|label| !label.is_empty()).partition::<Vec<_>, _>(|it| it.starts_with('('));
        let plain =
            |labels: Vec<&str>| labels.iter().map(|label| label.trim_matches(['(', ')', '`']).to_owned()).collect();
        let described = Described { kind: kind.to_owned(), always: plain(always), sometimes: plain(sometimes) };
        (name.trim_matches('`').to_owned(), described)
    };
    rows.map(row).collect()
}

#[test]
fn every_metric_of_a_scrape_is_on_the_page_with_its_labels_and_no_other_is() {
    let (scraped, documented) = (scraped(), documented());
    let missing: Vec<_> = scraped.keys().filter(|name| !documented.contains_key(*name)).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not have {missing:?}");
    let gone: Vec<_> = documented.keys().filter(|name| !scraped.contains_key(*name)).collect();
    assert!(gone.is_empty(), "docs/metrics.md has {gone:?}, and no scrape does");
    for (name, described) in &scraped {
        assert_eq!(&documented[name], described, "{name}: left is what docs/metrics.md says");
    }
}

#[test]
fn labels_are_read_whatever_stands_in_their_values() {
    let read: Vec<_> = labels_of(r#"upstream="a",source="dns app.internal:8080",le="0.5"}"#).collect();
    assert_eq!(read, ["upstream", "source", "le"]);
}
