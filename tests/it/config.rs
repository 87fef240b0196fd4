//! The configuration: the examples are valid, the reference is complete and true, and mistakes are explained.
//!
//! Each `tests/config/invalid/NAME.toml` has its problems word for word in `NAME.expected`. After a change that is
//! meant, `WINDLASS_UPDATE_EXPECTED=1 cargo test --test it config` writes them anew; read the difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use toml::{Table, Value};
use windlass::config::{self, Bind, Rate, Settings};
use windlass::websocket::PerSide;

const EXAMPLES: [&str; 3] = ["config/minimal.toml", "config/production.toml", "config/reference.toml"];

/// What has no default, or one that the reference does not show but names.
const WITHOUT_DEFAULT: [&str; 12] = [
    "listener.NAME.bind",
    "listener.NAME.tls",
    "route.NAME.upstream",
    "upstream.NAME.endpoints",
    "upstream.NAME.endpoints[].address",
    "upstream.NAME.endpoints[].name",
    "upstream.NAME.handshakes_at_once.start",
    "upstream.NAME.health.host",
    "upstream.NAME.health.port",
    "upstream.NAME.health.probe",
    "upstream.NAME.pin_cookie.domain",
    "upstream.NAME.pin_cookie.name",
];

fn load(path: &str) -> Settings {
    config::load(Path::new(path)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn parse(source: &str) -> Result<Settings, config::Problems> {
    config::parse(source, Path::new("windlass.toml"))
}

fn reference() -> Table {
    let source = fs::read_to_string("config/reference.toml").expect("the reference is there");
    source.parse().expect("the reference is TOML")
}

#[test]
fn examples_are_valid() {
    for example in EXAMPLES {
        load(example);
    }
    for quiet in ["config/minimal.toml", "config/production.toml"] {
        let warnings = load(quiet).warnings;
        assert!(warnings.is_empty(), "{warnings}");
    }
}

#[test]
fn what_windlass_is_compared_with_is_valid() {
    let template = fs::read_to_string("benches/compare/proxies/windlass.toml").expect("the comparison has its file");
    let source = [("{plain}", "1701"), ("{tls}", "1702"), ("{endpoint}", "1703"), ("{{", "{"), ("}}", "}")]
        .iter()
        .fold(template, |text, (place, value)| text.replace(place, value));
    let settings = parse(&source).unwrap_or_else(|problems| panic!("{problems}"));

    assert_eq!(settings.listeners.len(), 2);
}

#[test]
fn certificate_paths_start_at_the_folder_of_the_file() {
    let certificate = |path: &str| {
        let tls = load(path).listeners["public"].tls.clone();
        tls.unwrap().certificates.remove(0)
    };
    assert_eq!(certificate("config/minimal.toml").chain, Path::new("config/chat.pem"));
    assert_eq!(certificate("config/production.toml").chain, Path::new("/etc/windlass/tls/chat.pem"));
    let location = certificate("config/minimal.toml").key_location;
    assert_eq!(location.to_string(), "config/minimal.toml:3:36: listener.public.tls.key");
}

#[test]
fn the_reference_shows_every_key_and_no_other() {
    let mut shown = BTreeSet::new();
    collect_keys(&reference(), "", &mut shown);
    for (path, key) in config::known_keys() {
        assert!(shown.iter().any(|shown| stands_at(shown, path, key)), "config/reference.toml lacks {path}.{key}");
    }
    for shown in &shown {
        assert!(
            config::known_keys().any(|(path, key)| stands_at(shown, path, key)),
            "{shown} is no key of the program"
        );
    }
}

#[test]
fn the_reference_shows_every_default() {
    let mut bare = reference();
    remove_defaults(&mut bare, "");
    let bare = toml::to_string(&bare).unwrap();
    assert!(!bare.contains("timeout"), "{bare}");
    let file = Path::new("config/reference.toml");
    let defaults = config::parse(&bare, file).unwrap_or_else(|problems| panic!("{problems}\n{bare}"));
    assert_eq!(load("config/reference.toml"), defaults);
}

#[test]
fn a_limit_keeps_the_default_of_the_direction_that_is_left_out() {
    let settings = load("config/production.toml");
    let limits = settings.routes["chat"].websocket.limits;
    assert_eq!(limits.from_client.max_fragments, Some(64));
    assert_eq!(limits.from_upstream.max_fragments, None);
    assert_eq!(limits.from_client.excess, config::Excess::Throttle);
    assert_eq!(limits.from_upstream.excess, config::Excess::Close);
    assert_eq!(limits.from_client.messages_per_second, Some(Rate { per_second: 20, burst: 100 }));
}

#[test]
fn every_form_of_a_value_is_understood() {
    let settings = parse(EVERY_FORM).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.workers, config::WorkerCount::Count(4.try_into().unwrap()));

    let listener = &settings.listeners["public"];
    assert_eq!(listener.bind, Bind::Address("[::1]:0".parse().unwrap()));
    assert_eq!(listener.trusted_proxies, ["10.0.0.7/32".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    assert_eq!(listener.tls.as_ref().unwrap().certificates.len(), 2);

    let route = &settings.routes["chat"];
    let wildcard = config::HostPattern::Wildcard("example.com".into());
    assert_eq!(route.hosts, [config::HostPattern::Exact("chat.example.com".into()), wildcard]);
    assert_eq!(route.path, "/ws");
    assert_eq!(route.upgrade, ["websocket", "mqtt"]);

    let websocket = &route.websocket;
    assert_eq!(websocket.ping_every, PerSide { client: Some(Duration::from_millis(1500)), upstream: None });
    assert_eq!(websocket.stall_timeout, None);
    let limits = websocket.limits;
    assert_eq!((limits.from_client.max_message, limits.from_upstream.max_message), (Some(1 << 20), Some(1 << 20)));
    assert_eq!(limits.from_client.messages_per_second, Some(Rate { per_second: 50, burst: 50 }));
    assert_eq!(limits.from_upstream.messages_per_second, Some(Rate { per_second: 50, burst: 50 }));
    assert_eq!(limits.from_client.control_frames_per_second, None);
    assert_eq!(limits.from_upstream.control_frames_per_second, Some(Rate { per_second: 50, burst: 200 }));
    assert_eq!(limits.from_client.bytes_per_second, Some(Rate { per_second: 1000, burst: 4000 }));

    let upstream = &settings.upstreams["chat"];
    let endpoints: Vec<_> = upstream.endpoints.iter().map(|it| (it.name.as_str(), it.address.to_string())).collect();
    let named = |name, address: &str| (name, address.to_owned());
    assert_eq!(
        endpoints,
        [
            named("10.0.0.1:80", "10.0.0.1:80"),
            named("b", "[fd00::1]:80"),
            named("chat.internal:80", "chat.internal:80"),
        ]
    );
    assert_eq!(upstream.keep_alive, None);
}

const EVERY_FORM: &str = r#"
workers = 4
[listener.public]
bind = "[::1]:0"
trusted_proxies = ["10.0.0.7", "fd00::/8"]
tls.certificates = [{ chain = "a.pem", key = "a.key" }, { chain = "b.pem", key = "b.key" }]
[route.chat]
hosts = ["CHAT.example.com", "*.Example.com"]
path = "/ws/"
upstream = "chat"
upgrade = ["WebSocket", "mqtt"]
[route.chat.websocket]
ping_every = "1s500ms"
stall_timeout = "off"
max_message = "1MiB"
messages_per_second = 50
control_frames_per_second = { from_client = "off" }
bytes_per_second = { rate = "1kB", burst = "4kB" }
[route.elsewhere]
hosts = ["*.chat.example.com"]
path = "/ws"
upstream = "chat"
[upstream.chat]
endpoints = ["Chat.internal:80", { name = "b", address = "[FD00::1]:80" }, { address = "10.0.0.1:80", weight = 3 }]
keep_alive = "off"
"#;

#[test]
fn moving_lines_changes_no_settings() {
    let source = fs::read_to_string("config/minimal.toml").unwrap();
    assert_eq!(parse(&source).unwrap(), parse(&format!("# first\n\n{source}")).unwrap());
}

/// A key that is known but never read would take any value in silence.
#[test]
fn every_known_key_is_read() {
    let reference = reference();
    let mut shown = BTreeSet::new();
    collect_keys(&reference, "", &mut shown);
    for key in shown {
        let mut mistaken = reference.clone();
        replace(&mut mistaken, "", &key, &Value::Datetime("1979-05-27".parse().unwrap()));
        let problems = parse(&toml::to_string(&mistaken).unwrap()).expect_err(&key).to_string();
        assert!(problems.contains("not a date"), "{key}: {problems}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no arguments of its own")]
fn every_mistake_is_explained() {
    let update = std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some();
    let mut files: Vec<PathBuf> = fs::read_dir("tests/config/invalid").unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    assert!(files.len() >= 25, "only {} files", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let name = Path::new(file.file_name().unwrap());
        let problems = config::parse(&source, name).map(|_| ()).expect_err(&format!("{} is valid", name.display()));
        let found = format!("{problems}\n");
        let expected = file.with_extension("expected");
        if update {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no arguments of its own")]
fn every_oddity_is_warned_of() {
    let update = std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some();
    let mut files: Vec<PathBuf> = fs::read_dir("tests/config/warned").unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    assert!(files.len() >= 5, "only {} files", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let settings = config::parse(&source, Path::new(file.file_name().unwrap()));
        let warnings = settings.unwrap_or_else(|problems| panic!("{problems}")).warnings;
        let (found, expected) = (format!("{warnings}\n"), file.with_extension("expected"));
        if update {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
    }
}

#[test]
fn warnings_change_no_settings() {
    let source =
        "[listener.p]\nbind = \"127.0.0.1:1\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"h:1\"]\n";
    let quiet = parse(source).unwrap();
    let odd = parse(&source.replace("[route.r]", "trusted_proxies = [\"0.0.0.0/0\"]\n[route.r]")).unwrap();
    let moved = parse(&format!("\n{}", source.replace("[route.r]", "trusted_proxies = [\"0.0.0.0/0\"]\n[route.r]")));
    assert!(quiet.warnings.is_empty());
    assert_eq!(odd.warnings.len(), 1);
    assert_eq!(odd, moved.unwrap());
}

#[test]
fn ten_mistakes_are_ten_problems() {
    let source = fs::read_to_string("tests/config/invalid/ten_mistakes.toml").unwrap();
    assert_eq!(parse(&source).unwrap_err().iter().count(), 10);
}

#[test]
fn of_what_is_no_configuration_at_all_a_hundred_problems_are_said() {
    let line = "203.0.113.7 - - [26/Nov/2026:17:03:16 +0000] \"GET /chat HTTP/1.1\" 101 0\n";
    let problems = parse(&line.repeat(4_000_000 / line.len())).unwrap_err();

    assert_eq!(problems.iter().count(), 100);
    let shown = problems.to_string();
    assert!(shown.ends_with(" more problems"), "{}", shown.lines().last().unwrap_or_default());
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_too() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let problem = config::load(&missing).unwrap_err().to_string();
    assert!(problem.starts_with(&format!("{}: cannot be read: No such file", missing.display())), "{problem}");
    assert!(problem.ends_with("hint: put a configuration there, or name another file"), "{problem}");

    let problem = config::load(folder.path()).unwrap_err().to_string();
    assert!(problem.ends_with("hint: name the file in this folder"), "{problem}");

    let latin1 = folder.path().join("latin1.toml");
    fs::write(&latin1, b"workers = 1\n# caf\xe9\n").unwrap();
    let problem = config::load(&latin1).unwrap_err().to_string();
    assert!(problem.starts_with(&format!("{}:2:6: is not UTF-8", latin1.display())), "{problem}");
}

#[test]
fn deep_nesting_is_a_problem_and_no_crash() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let deep = format!("workers = {}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(parse(&deep).is_err());
    }
    let dotted = format!("a{} = 1", ".a".repeat(100_000));
    assert!(parse(&dotted).is_err());
    assert!(parse(&format!("b = 1\nb = 1\n{dotted}")).is_err());
}

/// Lines of which few are enough to have written something twice.
const TWICE: &str =
    r#"\[\[?(a|b)(\.(a|b))?\]?\]|(a|b|"a"|"\\u00000")(\.(a|b))? = (1|\[\]|\{(a|b) = 1, (a|b)\.a = 1\})"#;

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn nothing_that_is_written_twice_panics(lines in prop::collection::vec(TWICE, 0..12)) {
        let _ = parse(&lines.join("\n"));
    }

    #[test]
    fn no_value_panics(value in "[-0-9a-zé:./*\\[\\]{},=\"_ ]{0,40}", pick in any::<prop::sample::Index>()) {
        let keys: Vec<_> = config::known_keys().filter(|(path, _)| !path.contains(['[', '*'])).collect();
        let (path, key) = pick.get(&keys);
        let _ = parse(&format!("[{path}]\n{key} = {value}\n[{path}.x]\n{key} = \"{value}\"\n"));
        let _ = parse(&if path.is_empty() { format!("{key} = {value}") } else { format!("[{path}]\n{key} = {value}") });
        let _ = parse(&format!("[{path}]\n{key} = {value:?}"));
    }

    #[test]
    fn no_torn_file_panics(cut in any::<prop::sample::Index>(), kept in any::<prop::sample::Index>()) {
        let source = fs::read_to_string("config/reference.toml").unwrap();
        let lines: Vec<_> = source.lines().collect();
        let (cut, kept) = (cut.index(lines.len()), kept.index(lines.len()));
        let _ = parse(&[&lines[..cut.min(kept)], &lines[cut.max(kept)..]].concat().join("\n"));
    }
}

/// The dotted paths of every key in `table`, with `NAME` for what an operator names and `[]` for an index.
fn collect_keys(table: &Table, path: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        let key = step(path, key);
        if !key.ends_with("NAME") {
            keys.insert(key.clone());
        }
        match value {
            Value::Table(table) => collect_keys(table, &key, keys),
            Value::Array(array) => {
                array.iter().filter_map(Value::as_table).for_each(|it| collect_keys(it, &format!("{key}[]"), keys));
            }
            _ => {}
        }
    }
}

/// Removes every key that has a default, and leaves the tables it stood in.
fn remove_defaults(table: &mut Table, path: &str) {
    table.retain(|key, value| {
        let key = step(path, key);
        let stays = WITHOUT_DEFAULT.contains(&key.as_str());
        match value {
            _ if key == "listener.NAME.tls" => true,
            Value::Table(_) if key.starts_with("route.NAME.websocket.") => false,
            Value::Table(table) => {
                remove_defaults(table, &key);
                true
            }
            Value::Array(array) => {
                array
                    .iter_mut()
                    .filter_map(Value::as_table_mut)
                    .for_each(|it| remove_defaults(it, &format!("{key}[]")));
                stays
            }
            _ => stays,
        }
    });
}

/// Puts `value` in place of the value at `target`, a path of [`collect_keys`].
fn replace(table: &mut Table, path: &str, target: &str, new: &Value) {
    for (key, value) in table {
        let key = step(path, key);
        match value {
            value if key == target => *value = new.clone(),
            Value::Table(table) => replace(table, &key, target, new),
            Value::Array(array) => array
                .iter_mut()
                .filter_map(Value::as_table_mut)
                .for_each(|it| replace(it, &format!("{key}[]"), target, new)),
            _ => {}
        }
    }
}

fn step(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        "listener" | "route" | "upstream" => format!("{path}.NAME"),
        _ => format!("{path}.{key}"),
    }
}

/// Whether the path `shown` is `key` in a table at `path`, where `*` is any key.
fn stands_at(shown: &str, path: &str, key: &str) -> bool {
    let known = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let (shown, known): (Vec<_>, Vec<_>) = (shown.split('.').collect(), known.split('.').collect());
    shown.len() == known.len() && shown.iter().zip(&known).all(|(shown, known)| *known == "*" || shown == known)
}
