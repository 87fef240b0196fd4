//! The rules about the source that no lint knows: who may use whom, what is pure, how files are built.
//!
//! The order of the layers is written in `ARCHITECTURE.md`; here it is enforced. A program of its own, since it reads the
//! source alone and uses nothing of the proxy.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the input is our own source, and a test may panic"
)]

mod circles;
mod rules;
mod source;

use std::path::Path;

use circles::{Circle, circles};
use source::{Reference, Source};

/// Every module that stands directly under the crate, the lowest first. Each may use itself and those before it.
const ORDER: [&str; 37] = [
    "ranges",
    "moment",
    "grammar",
    "judge",
    "websocket",
    "balance",
    "health",
    "rules",
    "config",
    "import",
    "queue",
    "access",
    "tls",
    "log",
    "traffic",
    "tap",
    "drain",
    "snapshot",
    "metrics",
    "process",
    "handoff",
    "resolver",
    "net",
    "http",
    "endpoint",
    "authorize",
    "issuers",
    "traces",
    "discovery",
    "acme",
    "probe",
    "tunnel",
    "session",
    "admin",
    "demo",
    "app",
    "cli",
];

/// Bytes and values in, values out: no runtime, and the time is an argument.
const PURE: [&str; 12] = [
    "ranges",
    "moment",
    "grammar",
    "judge",
    "websocket",
    "balance",
    "health",
    "rules",
    "config",
    "import",
    "queue",
    "access",
];

const THE_UNSAFE_FILE: &str = "process/fds.rs";

const LONGEST_FILE: usize = 400;

/// What we call otherwise: an upstream, a listener, a route.
const FOREIGN_WORDS: [&str; 6] = ["backend", "backends", "frontend", "frontends", "vhost", "vhosts"];

#[test]
fn modules_use_only_what_is_below_them() {
    assert_none(crate_sources().iter().flat_map(upward_references));
}

#[test]
fn files_import_one_another_in_no_circle() {
    assert_none(circles(&crate_sources()).iter().map(message));
}

#[test]
fn pure_modules_see_neither_runtime_nor_clock() {
    assert_none(crate_sources().iter().flat_map(impurities));
}

#[test]
fn unsafe_is_in_one_file() {
    assert_none(crate_sources().iter().flat_map(unsafe_code));
}

#[test]
fn no_range_that_is_missing_is_silently_nothing() {
    let files = crate_sources();
    assert_none(files.iter().filter(|file| !is_for_tests(file, &files)).flat_map(missing_ranges));
}

#[test]
fn mod_files_are_tables_of_contents() {
    assert_none(crate_sources().iter().flat_map(logic_in_mod_file));
}

#[test]
fn names_are_our_own() {
    assert_none(crate_sources().iter().flat_map(foreign_words));
}

#[test]
fn files_are_short() {
    let tests = Source::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let all =
        crate_sources().into_iter().map(|file| ("src", file)).chain(tests.into_iter().map(|file| ("tests", file)));
    assert_none(
        all.filter(|(_, file)| file.lines > LONGEST_FILE)
            .map(|(folder, file)| format!("{folder}/{}: {} lines, more than {LONGEST_FILE}", file.path, file.lines)),
    );
}

fn crate_sources() -> Vec<Source> {
    let sources = Source::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.iter().any(|file| file.path == "lib.rs"), "the source must be found for a rule to mean anything");
    sources
}

fn upward_references(file: &Source) -> Vec<String> {
    let rank = |module: &str| ORDER.iter().position(|name| *name == module);
    let own = match file.top_module() {
        "lib" | "main" => ORDER.len(),
        module => match rank(module) {
            Some(rank) => rank,
            None => return vec![format!("src/{}: `{module}` has no place in the order of the layers", file.path)],
        },
    };
    let judge = |Reference { module, line }| match rank(&module) {
        Some(rank) if rank <= own => None,
        Some(_) => Some(format!("src/{}:{line}: `{}` may not use `{module}` above it", file.path, file.top_module())),
        None => Some(format!("src/{}:{line}: `{module}` has no place in the order of the layers", file.path)),
    };
    file.references().into_iter().filter_map(judge).collect()
}

fn message(Circle { members, shortest }: &Circle) -> String {
    format!("a circle of {}: {}\n    {shortest}", members.len(), members.join(", "))
}

fn impurities(file: &Source) -> Vec<String> {
    if !PURE.contains(&file.top_module()) {
        return Vec::new();
    }
    let impure = |at: usize| match file.text(at) {
        word @ ("tokio" | "SystemTime") => Some(word),
        // A test needs an instant to begin with.
        "Instant" if !file.words[at].in_tests && file.text(at + 1) == "::" && file.text(at + 2) == "now" => {
            Some("Instant::now")
        }
        _ => None,
    };
    let report = |at| impure(at).map(|what| format!("{}: a pure module mentions `{what}`", place(file, at)));
    (0..file.words.len()).filter_map(report).collect()
}

fn unsafe_code(file: &Source) -> Vec<String> {
    if file.path == THE_UNSAFE_FILE {
        return Vec::new();
    }
    let found = (0..file.words.len()).filter(|at| file.text(*at) == "unsafe");
    found.map(|at| format!("{}: `unsafe` belongs into src/{THE_UNSAFE_FILE}", place(file, at))).collect()
}

/// `x.get(…).unwrap_or_default()`, with nothing in between: where that can happen it needs words, and where it cannot it is
/// `ranges::within`, which says so.
fn missing_ranges(file: &Source) -> Vec<String> {
    let is_get = |at: usize| file.text(at) == "." && matches!(file.text(at + 1), "get" | "get_mut");
    let is_silent = |at: usize| {
        let end = closing(file, at + 2);
        file.text(end + 1) == "." && file.text(end + 2) == "unwrap_or_default"
    };
    let found = (0..file.words.len()).filter(|at| !file.words[*at].in_tests && is_get(*at) && is_silent(*at));
    found.map(|at| format!("{}: what is not there turns into nothing; see src/ranges.rs", place(file, at))).collect()
}

/// Where the parenthesis is closed that opens at `open`.
fn closing(file: &Source, open: usize) -> usize {
    let mut depth = 0;
    for at in open..file.words.len() {
        match file.text(at) {
            "(" => depth += 1,
            ")" if depth == 1 => return at,
            ")" => depth -= 1,
            _ => {}
        }
    }
    file.words.len()
}

/// Whether a file is declared under `#[cfg(test)]`.
fn is_for_tests(file: &Source, files: &[Source]) -> bool {
    let module = file.file_module();
    let Some((name, parent)) = module.split_last() else { return false };
    files.iter().any(|other| other.file_module() == parent && other.declares_for_tests(name))
}

/// Attributes, `mod NAME;` and `pub use …;`, nothing else.
fn logic_in_mod_file(file: &Source) -> Vec<String> {
    if !file.is_table_of_contents() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut at = 0;
    while at < file.words.len() {
        let begin = skip_attributes(file, at);
        let is_public = file.text(begin) == "pub";
        let item = skip_visibility(file, begin);
        let end = (item..file.words.len()).find(|at| file.text(*at) == ";").unwrap_or(file.words.len());
        let is_entry = match file.text(item) {
            "mod" => end == item + 2,
            "use" => is_public && end < file.words.len(),
            _ => false,
        };
        if !is_entry {
            problems
                .push(format!("{}: more than docs, `mod` and `pub use`", place(file, begin.min(file.words.len() - 1))));
        }
        at = end + 1;
    }
    problems
}

fn foreign_words(file: &Source) -> Vec<String> {
    let report = |at: usize| {
        let foreign = parts(file.text(at)).into_iter().find(|part| FOREIGN_WORDS.contains(&part.as_str()))?;
        Some(format!("{}: `{}` says {foreign}; docs/words.md lists our words", place(file, at), file.text(at)))
    };
    (0..file.words.len()).filter_map(report).collect()
}

fn skip_attributes(file: &Source, mut at: usize) -> usize {
    while file.text(at) == "#" {
        let mut depth = 0;
        loop {
            at += 1;
            match file.text(at) {
                "[" => depth += 1,
                "]" if depth == 1 => break,
                "]" => depth -= 1,
                "" => return at,
                _ => {}
            }
        }
        at += 1;
    }
    at
}

fn skip_visibility(file: &Source, at: usize) -> usize {
    match (file.text(at), file.text(at + 1)) {
        ("pub", "(") => (at..file.words.len()).find(|at| file.text(*at) == ")").map_or(at, |closing| closing + 1),
        ("pub", _) => at + 1,
        _ => at,
    }
}

/// The words of an identifier in either case style, in lower case.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().unwrap().extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    parts
}

fn place(file: &Source, at: usize) -> String {
    format!("src/{}:{}", file.path, file.words[at].line)
}

#[track_caller]
fn assert_none(problems: impl Iterator<Item = String>) {
    let problems: Vec<_> = problems.collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
