//! What docs/access.md shows is a configuration, and says what is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use windlass::config;

fn document() -> String {
    fs::read_to_string("docs/access.md").expect("the document is there")
}

/// A route that is shown is one of a whole configuration.
fn whole(example: &str) -> String {
    let mut whole = example.to_owned();
    for (table, text) in [
        ("listener", "[listener.public]\nbind = \"127.0.0.1:0\"\n"),
        ("upstream", "[upstream.chat]\nendpoints = [\"127.0.0.1:9001\"]\n"),
    ] {
        if !example.contains(&format!("[{table}.")) {
            whole.push_str(text);
        }
    }
    whole
}

#[test]
fn every_example_is_read() {
    let document = document();
    let examples: Vec<_> = document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let settings = config::parse(&whole(example), Path::new("docs/access.md"));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}\n{example}"));
        assert!(settings.warnings.0.is_empty(), "{example}");
    }
}

#[test]
fn every_label_in_the_table_is_one_of_the_program() {
    let document = document();
    let labels: BTreeSet<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | ").map(|(label, _)| label))
        .collect();
    let words: BTreeSet<_> = windlass::http::Refusal::log_words().collect();
    assert!(labels.len() >= 10 && labels.is_subset(&words), "{labels:?}");
}
