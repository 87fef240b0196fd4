//! What docs/access.md, and docs/from-nginx.md, show is a configuration, and says what is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use windlass::config;

/// What stands below this heading of the document.
fn section(heading: &str) -> String {
    let document = fs::read_to_string("docs/access.md").expect("the document is there");
    let (_, below) = document.split_once(&format!("\n## {heading}\n")).expect("there is such a heading");
    below.split("\n## ").next().unwrap().to_owned()
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
    for page in ["docs/access.md", "docs/from-nginx.md"] {
        let text = fs::read_to_string(page).expect("the page is there");
        let examples: Vec<_> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert!(!examples.is_empty(), "{page}");
        for example in examples {
            let settings = config::parse(&whole(example), Path::new(page));
            let settings = settings.unwrap_or_else(|problems| panic!("{problems}\n{example}"));
            assert!(settings.warnings.0.is_empty(), "{}\n{example}", settings.warnings);
        }
    }
}

#[test]
fn every_label_in_the_table_is_one_of_the_program() {
    let section = section("What is refused");
    let labels: BTreeSet<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | ").map(|(label, _)| label))
        .collect();
    let words: BTreeSet<_> = windlass::http::Refusal::log_words().collect();
    assert!(labels.len() >= 10 && labels.is_subset(&words), "{labels:?}");
}
