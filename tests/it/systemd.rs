//! What the systemd unit and the configuration must agree on. `tests/systemd/verify` asks systemd itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use windlass::process::{DescriptorLimit, MOST_KEPT};

/// What `drain.stop.deadline` is where a file does not set it.
const DEFAULT_STOP_DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn systemd_waits_longer_than_the_default_stop_drain() {
    assert!(DEFAULT_STOP_DEADLINE < timeout_stop());
}

#[test]
fn systemd_waits_longer_than_the_stop_drain_of_every_configuration_we_ship() {
    let folder = root().join("config");
    let files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    let files: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|is| is == "toml")).collect();
    assert!(!files.is_empty() || !folder.exists(), "the configurations must be found");

    for path in files {
        let file: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
        let stop = file.get("drain").and_then(|drain| drain.get("stop")).and_then(|stop| stop.get("deadline"));
        let deadline = stop.map_or(DEFAULT_STOP_DEADLINE, |value| duration(value.as_str().unwrap()));
        let delay = file.get("drain").and_then(|drain| drain.get("stop")).and_then(|stop| stop.get("delay"));
        let delay =
            delay.and_then(toml::Value::as_str).filter(|delay| *delay != "off").map_or(Duration::ZERO, duration);
        let deadline = delay + deadline;

        assert!(deadline < timeout_stop(), "{}: {deadline:?} < {:?}", path.display(), timeout_stop());
    }
}

#[test]
fn systemd_gives_as_many_descriptors_as_windlass_expects() {
    let now = setting("LimitNOFILE").parse().unwrap();

    assert_eq!(DescriptorLimit { soft_before: now, now }.room(64, 8, 1).shortage(), None);
}

#[test]
fn no_core_is_written_with_keys_in_it() {
    assert_eq!(setting("LimitCORE"), "0");
}

#[test]
fn systemd_hears_both_processes_of_a_handoff_and_stops_both() {
    assert_eq!(setting("NotifyAccess"), "all");
    assert_eq!(setting("KillMode"), "control-group");
}

#[test]
fn systemd_reloads_with_nothing_but_windlass_and_hears_what_came_of_it() {
    assert_eq!(setting("ExecReload"), "/usr/bin/windlass reload");
    assert!(setting("ExecStart").starts_with("/usr/bin/windlass run -c /etc/windlass/windlass.toml"));
}

#[test]
fn systemd_keeps_as_many_descriptors_as_windlass_leaves() {
    let drop_in = fs::read_to_string(root().join("systemd/windlass.service.d/keep.conf")).unwrap();
    assert!(drop_in.contains(&format!("\n[Service]\nFileDescriptorStoreMax={MOST_KEPT}\n")), "{drop_in}");
}

/// Readme blocks are pasted whole.
#[test]
fn only_a_systemd_that_knows_the_type_gets_the_drop_in() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let with: Vec<_> = blocks.into_iter().filter(|block| block.contains("notify-reload.conf")).collect();
    let [block] = with[..] else { panic!("one block has it: {with:?}") };
    assert!(!block.contains("enable --now"), "the drop-in stands in a block of its own");
    let folder = tempfile::tempdir().unwrap();
    for (version, is_installed) in [("252 (252.36-1~deb12u1)", false), ("253~rc1", true), ("257 (257.9-1)", true)] {
        let says = |name: &str, what: &str| {
            let file = folder.path().join(name);
            fs::write(&file, format!("#!/bin/sh\n{what}\n")).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        };
        says("systemctl", &format!("echo 'systemd {version}'"));
        says("sudo", "echo sudo \"$@\"");
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let output = Command::new("sh").args(["-c", block]).env("PATH", path).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.contains("notify-reload.conf"), is_installed, "systemd {version}: {said}");
    }
}

#[test]
fn durations_are_read_with_their_units() {
    assert_eq!(duration("1500ms"), Duration::from_millis(1500));
    assert_eq!(duration("30s"), Duration::from_secs(30));
    assert_eq!(duration("5min"), Duration::from_secs(300));
    assert_eq!(duration("1h"), Duration::from_secs(3600));
}

/// A number without a unit is seconds to systemd.
fn timeout_stop() -> Duration {
    Duration::from_secs(setting("TimeoutStopSec").parse().unwrap())
}

fn setting(key: &str) -> String {
    let unit = fs::read_to_string(root().join("systemd/windlass.service")).unwrap();
    let value = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("windlass.service does not set {key}")).to_owned()
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap());
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => panic!("{text}: unknown unit"),
    };
    Duration::from_millis(number.parse::<u64>().unwrap() * milliseconds)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
