//! From a file to [`Settings`], or to every problem it has.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::convert::{
    Names, admin, check_acme, check_admin, check_own_listeners, check_renewals, check_splits, check_state_folder,
    drain, error_pages, listeners, log, resolver, routes, state_folder, traces, upstreams, warn,
};
use super::duplicate_keys::{DUPLICATE, fault_duplicates};
use super::files::{FileError, read_file};
use super::read::{flag, integer, number};
use super::schema::{FILE, RESOLVER};
use super::settings::{AdminSettings, NamedFiles, Settings, WorkerCount};
use super::tree::{Location, Noted, Report, Section, SpannedValue};
use super::written::Written;
use super::{NotCompared, Problem, Problems, defaults, formats};

/// What a file says, and the files that it names: they can be looked at whatever else is wrong.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it means, or every problem it has.
    pub settings: Result<Settings, Problems>,
    /// The files that it names, also where it has problems.
    pub named: NamedFiles,
}

/// Reads the configuration in the file at `path`.
///
/// The files that it names are not looked at.
///
/// # Errors
/// Every problem of the file, or the one that it cannot be read.
pub fn load(path: &Path) -> Result<Settings, Problems> {
    read(path).settings
}

/// Reads the configuration in the file at `path`, and which files it names.
pub fn read(path: &Path) -> Reading {
    match source(path) {
        Ok(source) => look(&source, path),
        Err(problems) => problems.into(),
    }
}

fn source(path: &Path) -> Result<String, Problems> {
    let bytes =
        read_file(path).map_err(|error| unreadable(path, &error, "let this user read it, or run as one that may"))?;
    String::from_utf8(bytes).map_err(|error| not_text(error.as_bytes(), error.utf8_error().valid_up_to(), path))
}

/// Reads a configuration from `source`, the text of `file`; relative paths in it start at that file's folder.
///
/// # Errors
/// Every problem it has. What stands behind a mistake in the TOML itself cannot be trusted, so those come alone.
pub fn parse(source: &str, file: &Path) -> Result<Settings, Problems> {
    look(source, file).settings
}

fn look(source: &str, file: &Path) -> Reading {
    let report = Report::new(file, source);
    let (tree, mistakes) = DeTable::parse_recoverable(source);
    let (twice, mistakes): (Vec<_>, Vec<_>) = mistakes.iter().partition(|mistake| mistake.message() == DUPLICATE);
    if !twice.is_empty() {
        fault_duplicates(&report, source, twice.into_iter().filter_map(toml::de::Error::span).collect());
    }
    if let Some(other) = formats::recognise(source).filter(|_| !mistakes.is_empty()) {
        return Problems::from(Problem::of_file(file, format!("looks like {other}, not TOML"), formats::advice(other)))
            .into();
    }
    for mistake in &mistakes {
        let span = mistake.span().unwrap_or_default();
        let hint = match mistake.message().starts_with(NO_ESCAPE) {
            true => "a backslash in double quotes begins an escape: write expressions in single quotes, '^/room/\\d+$'",
            false => hint_on_line(line_at(source, span.start)),
        };
        Location::new(&report, "", span).fault(mistake.message(), hint);
    }
    // A table that is written twice is one table here, with what each of the two says.
    let settings =
        mistakes.is_empty().then(|| settings(&Section::new(Location::new(&report, "", 0..0), &FILE, tree.get_ref())));
    let Noted { checked, warnings, named } = report.into_noted();
    let settings = match settings {
        Some(settings) => {
            let written = Written::new(tree.get_ref(), source);
            checked.map(|()| Settings { warnings: NotCompared(warnings), written: NotCompared(written), ..settings })
        }
        None => Err(checked.expect_err("each mistake is a problem")),
    };
    Reading { settings, named }
}

/// The line of the text in which that byte is; the end of the text is in none.
fn line_at(source: &str, byte: usize) -> &str {
    let mut behind = 0;
    let mut lines = source.split_inclusive('\n');
    lines
        .find(|line| {
            behind += line.len();
            byte < behind
        })
        .unwrap_or_default()
}

/// What is likely meant by a line that is no TOML.
fn hint_on_line(line: &str) -> &'static str {
    let line = line.trim();
    let is_yaml = || line.split_once(':').is_some_and(|(key, _)| key.chars().all(|c| c.is_alphanumeric() || c == '_'));
    match () {
        () if line.contains(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) => {
            "write plain quotation marks, \" and not those of a word processor"
        }
        () if line.ends_with(';') => "no semicolon ends a line of TOML: leave it out",
        () if is_yaml() => "write key = value: no colon stands between the two in TOML",
        () => "the file must be valid TOML; texts, addresses, durations and sizes stand in quotes",
    }
}

impl From<Problems> for Reading {
    fn from(problems: Problems) -> Self {
        Self { settings: Err(problems), named: NamedFiles::default() }
    }
}

/// Reads only `[admin]` of the file at `path`, whatever else is wrong with it: a file that cannot be served still says
/// where the process that serves can be asked.
///
/// # Errors
/// That it cannot be read, or what is wrong with that section.
pub fn load_admin(path: &Path) -> Result<AdminSettings, Problems> {
    let bytes = read_file(path).map_err(|error| {
        // Who may not read the file may not ask either: both are for the user of the process.
        unreadable(path, &error, "ask as root, or as the user that windlass runs as")
    })?;
    let source = String::from_utf8_lossy(&bytes);
    let report = Report::new(path, &source);
    let (tree, _) = DeTable::parse_recoverable(&source);
    let admin = admin(&Section::of_some(Location::new(&report, "", 0..0), &FILE, tree.get_ref()));
    report.finish().map(|()| admin)
}

/// Whether somebody may have meant an endpoint.
fn looks_like_an_address(path: &Path) -> bool {
    let parts = path.file_name().and_then(|name| name.to_str()?.rsplit_once(':'));
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn unreadable(path: &Path, error: &FileError, hint_without_permission: &str) -> Problem {
    let hint = match (error, error.kind()) {
        (_, Some(io::ErrorKind::PermissionDenied)) => hint_without_permission,
        (_, Some(io::ErrorKind::NotFound)) if looks_like_an_address(path) => {
            "that is no file: an endpoint is named by a flag, as in `windlass run --endpoint 127.0.0.1:3000`"
        }
        (_, Some(io::ErrorKind::NotFound)) => {
            "put a configuration there (`windlass init` writes one), or name another file"
        }
        (_, Some(io::ErrorKind::IsADirectory)) => "name the file in this folder",
        (FileError::NotAFile(_), _) => "write it to a file, and name that",
        _ => "name a file that can be read",
    };
    Problem::of_file(path, format!("cannot be read: {error}"), hint)
}

fn settings(file: &Section<'_>) -> Settings {
    let names = Names::of(file);
    let mut settings = Settings {
        workers: file.read("workers", workers, defaults::WORKERS),
        watch: file.read("watch", flag, defaults::WATCH),
        tls_handshakes_at_once: file.read(
            "tls_handshakes_at_once",
            tls_handshakes_at_once,
            defaults::TLS_HANDSHAKES_AT_ONCE,
        ),
        log: log(file),
        traces: traces(file),
        listeners: listeners(file).into_iter().map(|it| (it.name.clone(), Arc::new(it))).collect(),
        routes: routes(file, &names).into_iter().map(|it| (it.name.clone(), Arc::new(it))).collect(),
        upstreams: upstreams(file).into_iter().map(|it| (it.name.clone(), Arc::new(it))).collect(),
        resolver: resolver(&file.section("resolver", &RESOLVER)),
        state_folder: file.read("state_folder", state_folder, defaults::STATE_FOLDER),
        drain: drain(file),
        error_pages: file.read("error_pages", error_pages, Vec::new()).into(),
        admin: admin(file),
        warnings: NotCompared::default(),
        written: NotCompared::default(),
    };
    check_acme(file, &mut settings);
    check_own_listeners(file, &settings);
    check_splits(file, &settings);
    check_renewals(file, &settings);
    check_admin(file, &settings);
    check_state_folder(file, &settings);
    warn(file, &settings);
    settings
}

fn workers(item: &SpannedValue<'_>) -> Option<WorkerCount> {
    const MOST: u64 = 1024;
    let hint = || format!("write \"auto\", or a number from 1 to {MOST}");
    match item.value() {
        DeValue::String(text) if text == "auto" => Some(WorkerCount::PerCore),
        _ => {
            let count = number(item, 1..=MOST, hint)?;
            usize::try_from(count).ok()?.try_into().ok().map(WorkerCount::Count)
        }
    }
}

fn tls_handshakes_at_once(item: &SpannedValue<'_>) -> Option<NonZeroUsize> {
    usize::try_from(integer(1..=1024)(item)?).ok()?.try_into().ok()
}

/// What the TOML crate says of `\d` in double quotes.
const NO_ESCAPE: &str = "missing escaped value";

fn not_text(bytes: &[u8], valid_up_to: usize, file: &Path) -> Problems {
    let text = String::from_utf8_lossy(bytes);
    let report = Report::new(file, &text);
    // What is valid stands in the lossy text at the same offsets.
    Location::new(&report, "", valid_up_to..valid_up_to).fault("is not UTF-8", "save the file as UTF-8");
    report.finish().expect_err("a problem was just noted")
}

#[cfg(test)]
mod tests {
    use super::super::AdminListen;
    use super::*;

    #[test]
    fn what_to_do_about_an_unreadable_file_depends_on_why() {
        let of = |error: FileError| unreadable(Path::new("windlass.toml"), &error, "ask as root").hint().to_owned();
        let hint = |kind: io::ErrorKind| of(io::Error::from(kind).into());
        assert_eq!(hint(io::ErrorKind::PermissionDenied), "ask as root");
        assert_eq!(
            hint(io::ErrorKind::NotFound),
            "put a configuration there (`windlass init` writes one), or name another file"
        );
        let of_address = unreadable(Path::new("127.0.0.1:3000"), &io::Error::from(io::ErrorKind::NotFound).into(), "");
        assert!(of_address.hint().contains("--endpoint 127.0.0.1:3000"), "{of_address}");
        assert_eq!(hint(io::ErrorKind::IsADirectory), "name the file in this folder");
        assert_eq!(of(FileError::NotAFile("a FIFO")), "write it to a file, and name that");
        assert_eq!(hint(io::ErrorKind::InvalidFilename), "name a file that can be read");
    }

    #[test]
    fn where_to_ask_is_read_whatever_else_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("windlass.toml");
        let others: String = (0..1000).map(|number| format!("administrator_{number} = 1\n")).collect();
        let read = |admin: &str| {
            std::fs::write(&file, format!("{others}[admin]\nlisten = {admin}\n")).unwrap();
            load_admin(&file)
        };
        assert_eq!(read("\"off\"").unwrap().asked().listen, AdminListen::Off);
        let problems = read("1").unwrap_err();
        assert!(problems.iter().all(|it| it.location().key == "admin.listen"), "{problems}");
    }
}
