//! Whether each metric of docs/metrics.md is read by some test of the whole program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files below a folder that are written in these languages.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "py") {
            found.push(path);
        }
    }
}

/// The metrics that a line names, and other words.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.map(|word| ["_count", "_sum", "_bucket"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word))
}

#[test]
fn every_metric_is_read_by_a_test_of_the_whole_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let is_metric = |name: &&str| name.starts_with("windlass_") || name.starts_with("process_");
    let metrics: Vec<_> = rows.map(|(name, _)| name).filter(is_metric).collect();
    assert!(metrics.len() > 70, "{metrics:?}");
    let mut files = Vec::new();
    for folder in ["tests/it", "tests/e2e/python"] {
        sources(&root.join(folder), &mut files);
    }
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // `Proxy::count` puts the beginning of the name before what it is given.
    let text = text.replace(".count(\"", ".count(\"windlass_");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(['/', '#']));
    let read: BTreeSet<_> = lines.flat_map(words).collect();
    let unread: Vec<_> = metrics.iter().filter(|metric| !read.contains(*metric)).collect();
    assert!(
        unread.is_empty(),
        "no test makes these move and reads them back; write one in tests/it/metrics/moves: {unread:#?}"
    );
}
