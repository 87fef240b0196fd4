//! What systemd hears of one process.

use std::time::Duration;

use rustix::process::Signal;

use crate::handoff::world::World;
use crate::rig::{Config, Endpoint, Note, PROGRAM, signal};

#[tokio::test]
async fn ready_stands_behind_reloading_also_where_the_reload_was_refused() {
    let mut world = World::new(&Config::chat([Endpoint::nobody()]));
    let pid = world.start().await;

    signal(pid, Signal::HUP);
    assert!(world.notify.note().await.text.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(world.notify.note().await.text.starts_with("READY=1\nSTATUS=serving"));

    world.folder.configure("nonsense = 1");
    signal(pid, Signal::HUP);
    assert!(world.notify.note().await.text.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    let refused = world.notify.note().await.text;
    assert!(refused.starts_with("READY=1\nSTATUS=reload refused") && refused.contains("nonsense"), "{refused}");
    assert!(world.notify.is_silent_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn the_watchdog_is_fed_by_the_main_process_only() {
    let mut world = World::new(&Config::chat([Endpoint::nobody()]));
    let mut command = world.command("sh", &["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\"", PROGRAM]);
    command.env("WATCHDOG_USEC", "100000");
    let old = world.start_with(command).await;
    let sign = |pid| move |note: &Note| note.pid == pid && note.text == "WATCHDOG=1";
    for _ in 0..3 {
        world.notify.until_noted(sign(old)).await;
    }
    // So that the old process does not end at once.
    let _session = std::net::TcpStream::connect(world.folder.address("public").await).unwrap();

    signal(old, Signal::USR2);

    let announced = world.notify.until_noted(|note| note.text.starts_with("MAINPID=")).await;
    let new = announced.last().unwrap().text.strip_prefix("MAINPID=").unwrap().parse().unwrap();
    let mut since = world.notify.until_noted(|note| note.pid == new && note.text.starts_with("READY=1")).await;
    for _ in 0..5 {
        since.extend(world.notify.until_noted(sign(new)).await);
    }
    assert!(since.iter().all(|note| note.pid == new), "{since:?}");
}

#[tokio::test]
async fn who_is_not_watched_feeds_no_watchdog() {
    let mut world = World::new(&Config::chat([Endpoint::nobody()]));
    let mut command = world.command(PROGRAM, &[]);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    world.start_with(command).await;

    assert!(world.notify.is_silent_for(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn a_stop_is_announced_and_ends_well() {
    let mut world = World::new(&Config::chat([Endpoint::nobody()]));
    let pid = world.start().await;
    assert!(std::net::TcpStream::connect(world.folder.address("public").await).is_ok());

    signal(pid, Signal::TERM);

    let notes = world.notify.until_noted(|note| note.text.starts_with("STOPPING=1")).await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(world.exit_code(pid).await, Some(0));
}
