//! The configuration: the examples are valid, the reference ([`reference`]) is complete and true, and mistakes are explained.
//!
//! Each `tests/config/invalid/NAME.toml` has its problems word for word in `NAME.expected`. After a change that is
//! meant, `WINDLASS_UPDATE_EXPECTED=1 cargo test --test it config` writes them anew; read the difference before you commit it.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use windlass::balance::LoadFactor;
use windlass::config::{self, Bind, HandshakeLimits, ProbeSettings, Rate, SameSite, Secure, Settings};
use windlass::websocket::PerSide;

mod reference;

const EXAMPLES: [&str; 3] = ["config/minimal.toml", "config/production.toml", "config/reference.toml"];

fn load(path: &str) -> Settings {
    config::load(Path::new(path)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn parse(source: &str) -> Result<Settings, config::Problems> {
    config::parse(source, Path::new("windlass.toml"))
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
    let source =
        [("{plain}", "1701"), ("{tls}", "1702"), ("{both}", "1704"), ("{endpoint}", "1703"), ("{{", "{"), ("}}", "}")]
            .iter()
            .fold(template, |text, (place, value)| text.replace(place, value));
    let settings = parse(&source).unwrap_or_else(|problems| panic!("{problems}"));

    assert_eq!(settings.listeners.len(), 3);
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
    assert_eq!(upstream.bounded_load, LoadFactor::from_thousandths(2_000));
    assert_eq!(upstream.pin_secret.as_ref().map(|file| file.path.as_path()), Some(Path::new("pins.secret")));
    let pin = upstream.pin_cookie.as_ref().unwrap();
    assert_eq!(
        (pin.domain.as_deref(), pin.secure, pin.same_site),
        (Some("example.com"), Secure::Never, SameSite::Auto)
    );
    let count = |number| NonZeroU32::new(number).unwrap();
    let fixed = HandshakeLimits { start: count(20), min: count(20), max: count(20) };
    assert_eq!(upstream.handshakes_at_once, Some(fixed));
    let health = upstream.health.as_ref().unwrap();
    assert_eq!((health.every, health.timeout), (Duration::from_millis(500), Duration::from_millis(500)));
    let ProbeSettings::Http { path, host, expect, .. } = &health.probe else { panic!("{health:?}") };
    assert_eq!((path.as_str(), host.as_deref()), ("/up?deep", Some("chat.test:80")));
    assert_eq!(expect, &[200..=299, 401..=401]);
    let games = &settings.upstreams["games"];
    let adapting = HandshakeLimits { start: count(2), min: count(2), max: count(1000) };
    assert_eq!((games.handshakes_at_once, games.eject), (Some(adapting), None));
    assert_eq!(games.bounded_load, LoadFactor::from_thousandths(1_125));
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
bounded_load = 2
pin_cookie = { name = "pin", domain = ".Example.com", secure = false }
pin_secret = "pins.secret"
handshakes_at_once = 20
health = { probe = "http", path = "/up?deep", host = "chat.test:80", expect = ["200-299", 401], every = "500ms" }
[upstream.games]
endpoints = ["games:1"]
bounded_load = 1.125
handshakes_at_once = { start = 2 }
eject = "off"
"#;

#[test]
fn moving_lines_changes_no_settings() {
    let source = fs::read_to_string("config/minimal.toml").unwrap();
    assert_eq!(parse(&source).unwrap(), parse(&format!("# first\n\n{source}")).unwrap());
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
    let problems = parse(&line.repeat(400_000 / line.len())).unwrap_err();

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
    assert!(
        problem.ends_with("hint: put a configuration there (`windlass init` writes one), or name another file"),
        "{problem}"
    );

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

#[test]
fn the_eight_lines_of_the_readme_order_a_certificate_for_the_host_of_its_route() {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, rest) = readme.split_once("### From nothing to a public `wss://`").expect("the readme tells of it");
    let block = rest.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(block.lines().count(), 8, "{block}");
    let settings = parse(block).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.warnings.is_empty(), "{}", settings.warnings.0);
    let acme = settings.listeners["public"].tls.as_ref().unwrap().acme.as_ref().unwrap();
    assert_eq!(acme.names, ["chat.example.com"]);
    assert_eq!(acme.directory, "https://acme-v02.api.letsencrypt.org/directory");
}
