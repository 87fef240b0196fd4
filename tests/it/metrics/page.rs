//! docs/troubleshooting.md: the commands and the lines of the log that it names are there. (Its metrics: `metrics::ready_made`.)

use std::path::{Path, PathBuf};
use std::{fs, iter};

use clap::CommandFactory;
use windlass::cli::Cli;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands between backticks, with what stands before it.
fn quoted(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split('`');
    iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_command_on_the_page_about_troubles_is_one() {
    let (page, cli) = (read("docs/troubleshooting.md"), Cli::command());
    let commands: Vec<_> = quoted(&page).into_iter().filter_map(|(_, text)| text.strip_prefix("windlass ")).collect();
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        let mut words = command.split(' ');
        let name = words.next().unwrap();
        let found = cli.find_subcommand(name).unwrap_or_else(|| panic!("there is no `windlass {name}`"));
        for option in words.filter(|word| word.starts_with('-')) {
            let is_known = |it: &clap::Arg| {
                it.get_long().is_some_and(|long| option == format!("--{long}"))
                    || it.get_short().is_some_and(|short| option == format!("-{short}"))
            };
            assert!(found.get_arguments().any(is_known), "`windlass {name}` has no {option}");
        }
    }
}

#[test]
fn every_line_of_the_log_on_the_page_about_troubles_is_written_somewhere() {
    let page = read("docs/troubleshooting.md");
    let mut is_line = false;
    let mut lines = Vec::new();
    for (before, text) in quoted(&page) {
        let before = before.trim();
        // "the line `a`", "the lines `a` and `b`".
        is_line = before.ends_with("line") || before.ends_with("lines") || is_line && ["and", "or"].contains(&before);
        if is_line {
            lines.push(text);
        }
    }
    assert!(lines.len() > 20, "{lines:?}");
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let all: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // A text that goes on in the next line of the source is one all the same.
    let all = all.split("\\\n").map(str::trim_start).collect::<String>();
    for line in lines {
        let begins = [format!("\"{line}"), format!("; {line}"), format!("`: {line}")];
        assert!(begins.iter().any(|text| all.contains(text)), "nobody writes `{line}`");
    }
}
