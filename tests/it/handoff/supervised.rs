//! Under a supervisor that watches one process: its end would be taken for the end of the service.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::handoff::world::World;
use crate::rig::{Config, Endpoint, PROGRAM, signal};

fn config() -> Config {
    Config::chat([Endpoint::nobody()])
}

/// A proxy that was started by a program of that name, which waits for its end; returns its pid.
async fn started_by(name: &str, config: &Config) -> (World, u32) {
    let mut world = World::new(config);
    let supervisor = world.folder.path(name);
    fs::write(&supervisor, "#!/bin/sh\n\"$@\"\nexit $?\n").unwrap();
    fs::set_permissions(&supervisor, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = world.command(supervisor.to_str().unwrap(), &[PROGRAM]);
    command.env_remove("SYSTEMD_EXEC_PID");
    world.spawn(command);
    let pid = world.notify.until_noted(|note| note.text.starts_with("READY=1")).await.last().unwrap().pid;
    (world, pid)
}

#[tokio::test]
async fn a_handoff_is_refused_and_says_who_watches() {
    let (world, pid) = started_by("runsv", &config()).await;
    signal(pid, Signal::USR2);
    let refused = world.folder.until_logged(&["no handoff", "runsv"]).await;
    assert!(refused.contains("drain.handoff.under_supervisor"), "{refused}");
    assert!(world.running().contains(&pid));
    assert_eq!(world.notify.notes_so_far().await, []);
}

#[tokio::test]
async fn a_handoff_that_is_allowed_happens_and_so_does_the_next() {
    let allowed = config().with("drain.handoff.under_supervisor", "\"allow\"");
    let (world, first) = started_by("s6-supervise", &allowed).await;
    signal(first, Signal::USR2);
    let second = world
        .notify
        .until_noted(|note| note.pid != first && note.text.starts_with("READY=1"))
        .await
        .last()
        .unwrap()
        .pid;
    world.folder.configure(&config().text());
    signal(second, Signal::HUP);
    world.notify.until_noted(|note| note.pid == second && note.text.starts_with("READY=1")).await;
    world.folder.until("the end of the first", || !world.running().contains(&first)).await;
    signal(second, Signal::USR2);
    world.notify.until_noted(|note| note.pid != second && note.text.starts_with("READY=1")).await;
}

#[tokio::test]
async fn whoever_is_started_by_anybody_else_hands_over() {
    let (world, pid) = started_by("anybody", &config()).await;
    signal(pid, Signal::USR2);
    world.notify.until_noted(|note| note.pid != pid && note.text.starts_with("READY=1")).await;
}

/// In a process namespace of its own, for which one must be root.
#[tokio::test]
#[ignore = "one must be root"]
async fn the_first_process_of_a_container_stays_and_leaves_no_zombies() {
    let mut world = World::new(&config());
    let unshared = ["--pid", "--fork", "--kill-child", "--mount-proc", PROGRAM];
    let unshare = world.spawn(world.command("unshare", &unshared));
    world.notify.until_noted(|note| note.text.starts_with("READY=1")).await;
    let first = *children(unshare).first().unwrap();

    signal(first, Signal::USR2);
    world.folder.until_logged(&["no handoff", "process 1"]).await;

    // The shell ends at once, and what it has started is nobody's child any more.
    let done = world.folder.path("done");
    let orphan = format!("(sleep 0.1; touch {}) &", done.display());
    let target = first.to_string();
    let entered = std::process::Command::new("nsenter").args(["-t", &target, "-p", "sh", "-c", &orphan]).status();
    assert!(entered.unwrap().success());
    world.folder.until("the orphan to end", || done.exists()).await;
    world.folder.until("the orphan to be waited for", || children(first).is_empty()).await;
    signal(first, Signal::TERM);
    assert_eq!(world.exit_code(unshare).await, Some(0));
}

fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().map(|child| child.parse().unwrap()).collect()
}
