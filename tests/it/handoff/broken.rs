//! Handoffs that fail: whatever the new program does, the old process serves on as if nothing happened.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::handoff::chat::{Chat, Client, Echo, Tunnel, echoes, until_closed};
use crate::handoff::world::World;
use crate::rig::{Note, PROGRAM, signal};

const IMPATIENT: &str = "[drain.handoff]\nready_within = \"3500ms\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_cannot_be_executed() {
    let mut scene = Scene::new("").await;
    scene.replace("not a program", 0o644);
    scene.assert_refused(&["cannot be started", "Permission denied"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_gone() {
    let mut scene = Scene::new("").await;
    fs::remove_file(scene.chat.world.folder.path("program")).unwrap();
    scene.assert_refused(&["cannot be started", "No such file"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ends_at_once() {
    let mut scene = Scene::new("").await;
    scene.replace("#!/bin/sh\nexit 3\n", 0o755);
    scene.assert_refused(&["the new process ended (exit status: 3)"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed() {
    let mut scene = Scene::new("").await;
    scene.replace("#!/bin/sh\nkill -KILL $$\n", 0o755);
    scene.assert_refused(&["the new process ended (signal: 9"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_says_nothing() {
    let mut scene = Scene::new(IMPATIENT).await;
    scene.replace("#!/bin/sh\nexec sleep 60\n", 0o755);
    scene.assert_refused(&["not ready within drain.handoff.ready_within (3s500ms)"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_starts_another_one_and_leaves_it() {
    let mut scene = Scene::new(IMPATIENT).await;
    for (program, why) in [("sleep 60\nexit 1", "ready_within (3s500ms)"), ("sleep 60 &\nexit 3", "exit status: 3")] {
        scene.replace(&format!("#!/bin/sh\n{program}\n"), 0o755);
        // The end of both is waited for: whoever is left would hold the listening sockets.
        scene.hand_off(&[why]).await;
    }
    scene.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn a_program_that_talks_nonsense() {
    let mut scene = Scene::new("").await;
    scene.replace(&says("socket.send(b'hello')\ntime.sleep(60)"), 0o755);
    scene.assert_refused(&["the conversation with the new process broke"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_wrong() {
    let mut scene = Scene::new("").await;
    scene.chat.world.folder.configure("nonsense = 1");
    scene.assert_refused(&["the new process cannot take over", "nonsense: is an unknown key"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken() {
    let mut scene = Scene::new("").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!("[listener.other]\nbind = \"{}\"\n{}", taken.local_addr().unwrap(), scene.config);
    scene.chat.world.folder.configure(&other);
    scene.assert_refused(&["the new process cannot take over", "listener other", "in use"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_in_vain_stands_in_lines_among_those_of_the_log() {
    let scene = Scene::new("").await;
    let world = &scene.chat.world;
    let program = PROGRAM;
    scene.replace(&format!("#!/bin/sh\nWINDLASS_HANDOFF_FD=99 exec {program} \"$@\"\n"), 0o755);
    signal(scene.old, Signal::USR2);
    world.folder.until_logged(&["windlass::app::unlogged", "descriptor 99 is not open"]).await;
    world.folder.until_logged(&["no handoff", "exit status: 1"]).await;
    scene.replace(&format!("#!/bin/sh\nexec {program} \"$@\"\n"), 0o755);

    // One that says by itself why it fails may be ended before it has said so on standard error, too.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!("[listener.other]\nbind = \"{}\"\n{}", taken.local_addr().unwrap(), scene.config);
    for (config, why) in [("nonsense = 1\nworkers = \"many\"", "nonsense: is an unknown key"), (&other, "in use")] {
        world.folder.configure(config);
        signal(scene.old, Signal::USR2);
        world.folder.until_logged(&["no handoff", "cannot take over", why]).await;
        world.folder.until("the end of the new process", || world.running() == [scene.old]).await;
    }

    let log = world.folder.log();
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line:?} in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn a_program_that_ends_when_it_should_begin() {
    let mut scene = Scene::new("").await;
    scene.replace(&says(r#"socket.send(b'{"kind":"ready"}'); until('take_over'); os._exit(4)"#), 0o755);
    scene.hand_off(&["the new process ended (exit status: 4)"]).await;

    let own = Note { pid: scene.old, text: format!("MAINPID={}", scene.old) };
    let announced = scene.chat.world.notify.note().await;
    assert!(announced.text.starts_with("MAINPID=") && announced != own && announced.pid == scene.old, "{announced:?}");
    assert_eq!(scene.chat.world.notify.note().await, own);
    scene.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_the_attempt() {
    let mut scene = Scene::new("[drain.stop]\ndeadline = \"5s\"\nspread = \"1ms\"").await;
    scene.replace("#!/bin/sh\necho started >&2\nexec sleep 60\n", 0o755);
    signal(scene.old, Signal::USR2);
    scene.chat.world.folder.until_logged(&["started"]).await;

    signal(scene.old, Signal::TERM);

    assert_eq!(until_closed(scene.tunnel).await, Echo::Closed(1012));
    assert_eq!(scene.chat.world.exit_code(scene.old).await, Some(0));
    scene.chat.world.folder.until("the end of the attempt", || scene.chat.world.running().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_is_asked_for_during_an_attempt_follows_its_failure() {
    let scene = Scene::new("").await;
    scene.begin_one_that_waits("exit 3").await;

    signal(scene.old, Signal::HUP);
    scene.go_on();

    scene.chat.world.folder.until_logged(&["no handoff", "exit status: 3"]).await;
    assert!(scene.chat.world.notify.note().await.text.starts_with("RELOADING=1\n"));
    assert!(scene.chat.world.notify.note().await.text.starts_with("READY=1\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_reload_during_a_handoff_is_sent_to_the_new_process() {
    let scene = Scene::new("").await;
    scene.begin_one_that_waits(&format!("exec {} \"$@\"", PROGRAM)).await;

    signal(scene.old, Signal::HUP);
    scene.go_on();

    scene.chat.world.folder.until_logged(&["WARN", "has handed over", "signal the new one"]).await;
}

/// A proxy with an open tunnel, started through a link that can be made to point elsewhere.
struct Scene {
    chat: Chat,
    /// The configuration that works.
    config: String,
    old: u32,
    tunnel: Tunnel,
}

impl Scene {
    async fn new(drain: &str) -> Self {
        let mut chat = Chat::new(drain).await;
        let program = chat.world.folder.path("program");
        symlink(PROGRAM, &program).unwrap();
        let old = chat.world.start_with(chat.world.command(program.to_str().unwrap(), &[])).await;
        chat.client.proxy = chat.world.folder.address("public").await;
        let mut tunnel = chat.client.tunnel().await.unwrap();
        assert_eq!(echoes(&mut tunnel, "before").await, Echo::Came);
        let config = fs::read_to_string(chat.world.folder.path("windlass.toml")).unwrap();
        Self { chat, config, old, tunnel }
    }

    /// Puts another file where the program was, as a package manager does: whole, by a rename.
    fn replace(&self, text: &str, mode: u32) {
        let world: &World = &self.chat.world;
        world.folder.write("program.new", text);
        fs::set_permissions(world.folder.path("program.new"), PermissionsExt::from_mode(mode)).unwrap();
        fs::rename(world.folder.path("program.new"), world.folder.path("program")).unwrap();
    }

    /// Begins a handoff to a program that waits until [`go_on`](Self::go_on) before it does this.
    async fn begin_one_that_waits(&self, then: &str) {
        let world = &self.chat.world;
        let gate = world.folder.path("gate");
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        self.replace(&format!("#!/bin/sh\necho started >&2\nread go <{}\n{then}\n", gate.display()), 0o755);
        signal(self.old, Signal::USR2);
        world.folder.until_logged(&["started"]).await;
    }

    fn go_on(&self) {
        self.chat.world.folder.write("gate", "go\n");
    }

    async fn assert_refused(&mut self, why: &[&str]) {
        self.hand_off(why).await;
        assert_eq!(self.chat.world.notify.notes_so_far().await, []);
        self.assert_unharmed().await;
    }

    /// Asks for a handoff, and waits until its failure is in the log.
    async fn hand_off(&mut self, why: &[&str]) {
        let world = &self.chat.world;
        signal(self.old, Signal::USR2);
        world.folder.until_logged(&["no handoff"]).await;
        let why: Vec<_> = ["ERROR", "no handoff"].iter().chain(why).copied().collect();
        world.folder.until_logged(&why).await;
        world.folder.until("the end of the new process", || world.running() == [self.old]).await;
    }

    /// The tunnel is open, newcomers come in, and the next handoff, to a program that works, succeeds.
    async fn assert_unharmed(&mut self) {
        assert_eq!(echoes(&mut self.tunnel, "after").await, Echo::Came);
        let mut newcomer = self.chat.client.tunnel().await.unwrap();
        assert_eq!(echoes(&mut newcomer, "hello").await, Echo::Came);
        assert!(self.chat.world.notify.is_silent_for(Duration::from_millis(50)).await);

        let world = &self.chat.world;
        world.folder.configure(&self.config);
        let _ = fs::remove_file(world.folder.path("program"));
        symlink(PROGRAM, world.folder.path("program")).unwrap();
        signal(self.old, Signal::USR2);
        world.notify.until_noted(|note| note.pid != self.old && note.text.starts_with("READY=1")).await;
        assert_eq!(Client::visit(&self.chat.client).await.map(|_| ()), Ok(()));
    }
}

/// A program that does something with the handoff socket.
fn says(what: &str) -> String {
    format!(
        "#!/usr/bin/env python3\n\
         import os, socket as sockets, time\n\
         socket = sockets.socket(fileno=int(os.environ['WINDLASS_HANDOFF_FD']))\n\
         socket.setblocking(True)\n\
         def until(kind):\n    while ('\"kind\":\"' + kind + '\"').encode() not in socket.recv(65536): pass\n\
         until('complete')\n{what}\n"
    )
}
