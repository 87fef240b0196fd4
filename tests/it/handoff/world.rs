//! A folder with a configuration, a played systemd, and the processes that run in it.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::process::Command;

use crate::rig::{Config, Folder, NotifySocket, PROGRAM, Program, kill};

/// A folder with a configuration, a played systemd, and the processes that run in it; all of it is gone after the test.
pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) notify: NotifySocket,
    programs: Vec<Program>,
}

impl World {
    /// A world whose configuration is `config`.
    pub(crate) fn new(config: &Config) -> Self {
        Self::keeping(config, 0)
    }

    /// The same with a systemd that keeps so many descriptors.
    pub(crate) fn keeping(config: &Config, most: usize) -> Self {
        Self { folder: Folder::new(&config.text()), notify: NotifySocket::keeping(most), programs: Vec::new() }
    }

    /// `program` with `arguments` of its own and then ours, in the environment of this world.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(program, arguments);
        command.env("NOTIFY_SOCKET", self.notify.path());
        command
    }

    /// Starts a process that is ended with this world, and returns its pid.
    pub(crate) fn spawn(&mut self, command: Command) -> u32 {
        let program = Program::spawn(&self.folder, command);
        let pid = program.id();
        self.programs.push(program);
        pid
    }

    /// Starts the program and waits until it is ready; returns its pid.
    pub(crate) async fn start(&mut self) -> u32 {
        self.start_with(self.command(PROGRAM, &[])).await
    }

    /// The same as systemd does it after a restart: with what it keeps, at most two descriptors.
    pub(crate) async fn start_with_kept(&mut self) -> u32 {
        self.start_with(self.command_with_kept()).await
    }

    /// The command of such a start.
    pub(crate) fn command_with_kept(&self) -> Command {
        let (names, descriptors): (Vec<_>, Vec<_>) = self.notify.kept().into_iter().unzip();
        // A child has these two of its parent's, and no other, without a moment in which others that start would have them too.
        let through_shell = "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"";
        let mut command = self.command("sh", &["-c", through_shell, PROGRAM]);
        command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        let mut descriptors = descriptors.into_iter();
        command.stdin(descriptors.next().map_or_else(Stdio::null, Stdio::from));
        command.stdout(descriptors.next().map_or_else(Stdio::null, Stdio::from));
        assert!(descriptors.next().is_none(), "there are more: {names:?}");
        command
    }

    /// The same, with another command.
    pub(crate) async fn start_with(&mut self, command: Command) -> u32 {
        let pid = self.spawn(command);
        self.notify.until_noted(|note| note.pid == pid && note.text.starts_with("READY=1")).await;
        pid
    }

    /// Waits until a process that this world started is over; returns its exit code.
    pub(crate) async fn exit_code(&mut self, pid: u32) -> Option<i32> {
        let index = self.programs.iter().position(|program| program.id() == pid).unwrap();
        self.programs.swap_remove(index).exit().await.code()
    }

    /// The processes that run in this world, whoever started them: they inherited the name of its notify socket.
    pub(crate) fn running(&self) -> Vec<u32> {
        let mark = format!("NOTIFY_SOCKET={}\0", self.notify.path().display());
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        })
        .collect()
    }
}

impl Drop for World {
    #[expect(clippy::print_stderr, reason = "whoever reads why a test failed needs the log, which is gone after it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log:\n{}", self.folder.log());
        }
        // One that starts another right now is gone in the next round, and so is the other.
        loop {
            let running = self.running();
            for pid in &running {
                kill(*pid);
            }
            if running.is_empty() {
                break;
            }
            std::thread::yield_now();
        }
    }
}

/// A port that was free a moment ago: for those that cannot let the system choose. It lies below those that the
/// system gives to others, and no other test takes the same.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let mut ports = std::iter::repeat_with(|| start + TAKEN.fetch_add(1, Ordering::Relaxed));
    ports.find(|port| TcpListener::bind(("::", *port)).is_ok()).unwrap()
}
