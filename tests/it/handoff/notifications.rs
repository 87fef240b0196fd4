//! What systemd hears of one process.

use std::time::Duration;

use rustix::process::Signal;

use crate::handoff::world::{Note, World};

const CONFIG: &str = "\
    [listener.public]\nbind = \"127.0.0.1:0\"\n\
    [route.r]\nupstream = \"u\"\n\
    [upstream.u]\nendpoints = [\"127.0.0.1:9\"]\n";

#[test]
fn ready_stands_behind_reloading_also_where_the_reload_was_refused() {
    let mut world = World::new(CONFIG);
    let pid = world.start();

    world.signal(pid, Signal::HUP);
    assert!(world.note().text.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(world.note().text.starts_with("READY=1\nSTATUS=serving"));

    world.write("windlass.toml", "nonsense = 1");
    world.signal(pid, Signal::HUP);
    assert!(world.note().text.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    let refused = world.note().text;
    assert!(refused.starts_with("READY=1\nSTATUS=reload refused") && refused.contains("nonsense"), "{refused}");
    assert!(world.is_silent_for(Duration::from_millis(50)));
}

#[test]
fn the_watchdog_is_fed_by_the_main_process_only() {
    let mut world = World::new(CONFIG);
    let mut command =
        world.command("sh", &["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_windlass")]);
    command.env("WATCHDOG_USEC", "100000");
    let old = world.start_with(command);
    let sign = |pid| move |note: &Note| note.pid == pid && note.text == "WATCHDOG=1";
    for _ in 0..3 {
        world.until_noted(sign(old));
    }
    // So that the old process does not end at once.
    let _session = std::net::TcpStream::connect(world.address("public")).unwrap();

    world.signal(old, Signal::USR2);

    let announced = world.until_noted(|note| note.text.starts_with("MAINPID="));
    let new = announced.last().unwrap().text.strip_prefix("MAINPID=").unwrap().parse().unwrap();
    let mut since = world.until_noted(|note| note.pid == new && note.text.starts_with("READY=1"));
    for _ in 0..5 {
        since.extend(world.until_noted(sign(new)));
    }
    assert!(since.iter().all(|note| note.pid == new), "{since:?}");
}

#[test]
fn who_is_not_watched_feeds_no_watchdog() {
    let mut world = World::new(CONFIG);
    let mut command = world.command(env!("CARGO_BIN_EXE_windlass"), &[]);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    world.start_with(command);

    assert!(world.is_silent_for(Duration::from_millis(50)));
}

#[test]
fn a_stop_is_announced_and_ends_well() {
    let mut world = World::new(CONFIG);
    let pid = world.start();
    assert!(std::net::TcpStream::connect(world.address("public")).is_ok());

    world.signal(pid, Signal::TERM);

    let notes = world.until_noted(|note| note.text.starts_with("STOPPING=1"));
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(world.exit_code(pid), Some(0));
}
