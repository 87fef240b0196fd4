//! Whether the dashboard, the alerts and the page about troubles ask for nothing that no scrape has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::documented::{Described, metric_of, scraped};

const DASHBOARD: &str = include_str!("../../config/monitoring/grafana.json");
const ALERTS: &str = include_str!("../../config/monitoring/alerts.yml");
const ALERT_CASES: &str = include_str!("../../config/monitoring/alerts.test.yml");
const TROUBLES: &str = include_str!("../../docs/troubleshooting.md");

/// What a scrape does not say, but whoever scrapes adds.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

/// A metric as an expression names it, and the labels by which it selects.
type Selector = (String, Vec<String>);

/// Every metric that a text asks for. A name that a text of ours only begins with is none, such as `windlass_tunnels_*`.
fn selectors(text: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = ["windlass_", "process_"].iter().filter_map(|stem| rest.find(stem)).min() {
        let (before, from) = rest.split_at(at);
        let end =
            from.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let is_whole = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let labels = after.strip_prefix('{').and_then(|labels| labels.split_once('}'));
        if is_whole && !name.ends_with('_') {
            found.push((name.to_owned(), labels.map(|(labels, _)| names_before_operators(labels)).unwrap_or_default()));
        }
        rest = after;
    }
    found
}

/// The names of labels in what stands between braces: each is followed by `=`, `!=`, `=~` or `!~`.
fn names_before_operators(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_quoted = false;
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '=' | '!' if !is_quoted && !word.is_empty() => names.push(std::mem::take(&mut word)),
            c if !is_quoted && (c.is_ascii_alphanumeric() || c == '_') => word.push(c),
            ',' if !is_quoted => word.clear(),
            _ => {}
        }
    }
    names
}

/// The labels by which expressions group and match: `by (a, b)`, `on (a)`.
fn grouped(text: &str) -> Vec<String> {
    let lists = ["by (", "on (", "without (", "ignoring ("].iter().flat_map(|word| text.split(word).skip(1));
    let labels = lists.filter_map(|after| after.split_once(')')).flat_map(|(labels, _)| labels.split(", "));
    labels.map(str::to_owned).collect()
}

/// What is wrong with the expressions of a text.
fn flaws(text: &str, all: &BTreeMap<String, Described>) -> Vec<String> {
    let mut flaws = Vec::new();
    let is_known = |described: &Described, label: &str| {
        described.always.contains(label) || described.sometimes.contains(label) || OF_PROMETHEUS.contains(&label)
    };
    let mut of_text: BTreeSet<&str> = OF_PROMETHEUS.into();
    for (name, labels) in selectors(text) {
        let Some((_, described)) = all.get_key_value(&metric_of(&name, all)) else {
            flaws.push(format!("no scrape has {name}"));
            continue;
        };
        of_text.extend(described.always.iter().chain(&described.sometimes).map(String::as_str));
        let unknown = labels.iter().filter(|label| !is_known(described, label));
        flaws.extend(unknown.map(|label| format!("{name} has no label {label}")));
    }
    let unknown = grouped(text).into_iter().filter(|label| !of_text.contains(label.as_str()));
    flaws.extend(unknown.map(|label| format!("no metric of {text:?} has a label {label}")));
    flaws
}

/// Every text of this name in a document, wherever it stands.
fn texts<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                found.extend(value.as_str().filter(|_| field == name));
                texts(value, name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, name, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_for_what_there_is_and_every_panel_asks_for_something() {
    let (dashboard, all): (Value, _) = (serde_json::from_str(DASHBOARD).unwrap(), scraped());
    let panels: Vec<_> = dashboard["panels"].as_array().unwrap().iter().filter(|it| it["type"] != "row").collect();
    assert!(panels.len() > 20, "{}", panels.len());
    for panel in &panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let (expression, legend) = (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
            assert!(!selectors(expression).is_empty(), "{expression}");
            assert_eq!(flaws(expression, &all), [""; 0], "{}", panel["title"]);
            let by: BTreeSet<_> = grouped(expression).into_iter().chain(["instance".to_owned()]).collect();
            for label in legend.split("{{").skip(1).filter_map(|part| part.split_once("}}")) {
                assert!(by.contains(label.0), "{legend}: {expression} does not keep {}", label.0);
            }
        }
    }
    let mut expressions = Vec::new();
    ["expr", "query", "definition"].iter().for_each(|name| texts(&dashboard, name, &mut expressions));
    let flaws: Vec<_> = expressions.iter().flat_map(|expression| flaws(expression, &all)).collect();
    assert_eq!(flaws, [""; 0]);
}

#[test]
fn every_datasource_of_the_dashboard_is_the_one_that_its_reader_chooses() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut sources = Vec::new();
    texts(&dashboard, "uid", &mut sources);
    assert!(sources.len() > 30 && sources.iter().all(|uid| ["${datasource}", "windlass"].contains(uid)), "{sources:?}");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|it| it["name"] == "datasource" && it["type"] == "datasource"));
}

#[test]
fn alerts_ask_for_what_there_is_and_each_has_a_case() {
    let all = scraped();
    let alerts: Vec<_> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 12);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        assert_eq!(flaws(alert, &all), [""; 0], "{name}");
        let cases = ALERT_CASES.split(&format!("alertname: {name}\n")).count() - 1;
        assert!(cases > 0, "alerts.test.yml has no case in which {name} fires");
    }
    let series = ALERT_CASES.lines().filter(|line| line.contains("series:"));
    let flaws: Vec<_> = series.flat_map(|line| flaws(line, &all)).collect();
    assert_eq!(flaws, [""; 0], "alerts.test.yml");
}

#[test]
fn the_page_about_troubles_names_metrics_that_there_are() {
    assert!(selectors(TROUBLES).len() > 20);
    assert_eq!(flaws(TROUBLES, &scraped()), [""; 0]);
}

#[test]
fn an_expression_is_read_as_it_is_meant() {
    let all = scraped();
    let read = selectors(r#"sum by (le) (rate(windlass_handshake_seconds_bucket{phase="total", instance=~"a}"}[5m]))"#);
    assert_eq!(
        read,
        [("windlass_handshake_seconds_bucket".to_owned(), vec!["phase".to_owned(), "instance".to_owned()])]
    );
    for (wrong, flaw) in [
        ("windlass_never_was", "no scrape has windlass_never_was"),
        (r#"windlass_ready{colour="red"}"#, "windlass_ready has no label colour"),
        ("sum by (colour) (windlass_ready)", "no metric of \"sum by (colour) (windlass_ready)\" has a label colour"),
    ] {
        assert_eq!(flaws(wrong, &all), [flaw]);
    }
}
