//! Under a supervisor that watches one process: its end would be taken for the end of the service.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::handoff::world::World;

fn config(drain: &str) -> String {
    format!(
        "[listener.public]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n\
         [upstream.u]\nendpoints = [\"127.0.0.1:9\"]\n{drain}"
    )
}

/// A proxy that was started by a program of that name, which waits for its end; returns its pid.
fn started_by(name: &str, drain: &str) -> (World, u32) {
    let mut world = World::new(&config(drain));
    let supervisor = world.path(name);
    fs::write(&supervisor, "#!/bin/sh\n\"$@\"\nexit $?\n").unwrap();
    fs::set_permissions(&supervisor, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = world.command(supervisor.to_str().unwrap(), &[env!("CARGO_BIN_EXE_windlass")]);
    command.env_remove("SYSTEMD_EXEC_PID");
    world.spawn(command);
    let pid = world.until_noted(|note| note.text.starts_with("READY=1")).last().unwrap().pid;
    (world, pid)
}

#[test]
fn a_handoff_is_refused_and_says_who_watches() {
    let (world, pid) = started_by("runsv", "");
    world.signal(pid, Signal::USR2);
    let refused = world.until_logged(&["no handoff", "runsv"]);
    assert!(refused.contains("drain.handoff.under_supervisor"), "{refused}");
    assert!(world.running().contains(&pid));
    assert_eq!(world.notes_so_far(), []);
}

#[test]
fn a_handoff_that_is_allowed_happens_and_so_does_the_next() {
    let (world, first) = started_by("s6-supervise", "[drain.handoff]\nunder_supervisor = \"allow\"\n");
    world.signal(first, Signal::USR2);
    let second = world.until_noted(|note| note.pid != first && note.text.starts_with("READY=1")).last().unwrap().pid;
    world.write("windlass.toml", &config(""));
    world.signal(second, Signal::HUP);
    world.until_noted(|note| note.pid == second && note.text.starts_with("READY=1"));
    world.until("the end of the first", || !world.running().contains(&first));
    world.signal(second, Signal::USR2);
    world.until_noted(|note| note.pid != second && note.text.starts_with("READY=1"));
}

#[test]
fn whoever_is_started_by_anybody_else_hands_over() {
    let (world, pid) = started_by("anybody", "");
    world.signal(pid, Signal::USR2);
    world.until_noted(|note| note.pid != pid && note.text.starts_with("READY=1"));
}

/// In a process namespace of its own, for which one must be root.
#[cfg(feature = "root-tests")]
#[test]
fn the_first_process_of_a_container_stays_and_leaves_no_zombies() {
    let mut world = World::new(&config(""));
    let unshared = ["--pid", "--fork", "--kill-child", "--mount-proc", env!("CARGO_BIN_EXE_windlass")];
    let unshare = world.spawn(world.command("unshare", &unshared));
    world.until_noted(|note| note.text.starts_with("READY=1"));
    let first = *children(unshare).first().unwrap();

    world.signal(first, Signal::USR2);
    world.until_logged(&["no handoff", "process 1"]);

    // The shell ends at once, and what it has started is nobody's child any more.
    let done = world.path("done");
    let orphan = format!("(sleep 0.1; touch {}) &", done.display());
    let target = first.to_string();
    let entered = std::process::Command::new("nsenter").args(["-t", &target, "-p", "sh", "-c", &orphan]).status();
    assert!(entered.unwrap().success());
    world.until("the orphan to end", || done.exists());
    world.until("the orphan to be waited for", || children(first).is_empty());
    world.signal(first, Signal::TERM);
    assert_eq!(world.exit_code(unshare), Some(0));
}

#[cfg(feature = "root-tests")]
fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().map(|child| child.parse().unwrap()).collect()
}
