//! A folder with a configuration, a played systemd, and the processes that run in it.

use std::fs::{self, File};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt};
use rustix::process::{Pid, Signal, kill_process};

use crate::rig::PATIENCE;

/// A folder with a configuration, a played systemd, and the processes that run in it; all of it is gone after the test.
pub(crate) struct World {
    folder: tempfile::TempDir,
    notes: Receiver<Note>,
    children: Vec<Child>,
}

/// A datagram on the notify socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Who sent it.
    pub(crate) pid: u32,
    /// What it says.
    pub(crate) text: String,
}

impl World {
    /// A world whose configuration is `config`.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let (sender, notes) = channel();
        thread::spawn(move || {
            sockopt::set_socket_passcred(&notify, true).unwrap();
            while let Some(note) = receive(&notify) {
                if sender.send(note).is_err() {
                    break;
                }
            }
        });
        let world = Self { folder, notes, children: Vec::new() };
        world.write("windlass.toml", config);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// `program` with `arguments` of its own and then ours, in the environment of this world.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["run", "-c"])
            .arg(self.path("windlass.toml"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(self.path("log")).unwrap());
        command
    }

    /// Starts a process that is ended with this world, and returns its pid.
    pub(crate) fn spawn(&mut self, mut command: Command) -> u32 {
        let child = command.spawn().unwrap();
        let pid = child.id();
        self.children.push(child);
        pid
    }

    /// Starts the program and waits until it is ready; returns its pid.
    pub(crate) fn start(&mut self) -> u32 {
        self.start_with(self.command(env!("CARGO_BIN_EXE_windlass"), &[]))
    }

    /// The same, with another command.
    pub(crate) fn start_with(&mut self, command: Command) -> u32 {
        let pid = self.spawn(command);
        self.until_noted(|note| note.pid == pid && note.text.starts_with("READY=1"));
        pid
    }

    /// The next datagram.
    pub(crate) fn note(&self) -> Note {
        self.notes.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error} for a note; the log:\n{}", self.log()))
    }

    /// The datagrams up to the first that `wanted` accepts.
    pub(crate) fn until_noted(&self, wanted: impl Fn(&Note) -> bool) -> Vec<Note> {
        let mut notes = Vec::new();
        loop {
            let note = self.note();
            let found = wanted(&note);
            notes.push(note);
            if found {
                return notes;
            }
        }
    }

    /// What has come and was not looked at.
    pub(crate) fn notes_so_far(&self) -> Vec<Note> {
        self.notes.try_iter().collect()
    }

    /// Whether nothing was said for a moment.
    pub(crate) fn is_silent_for(&self, moment: Duration) -> bool {
        self.notes.recv_timeout(moment) == Err(RecvTimeoutError::Timeout)
    }

    pub(crate) fn signal(&self, pid: u32, signal: Signal) {
        let sent = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal);
        sent.unwrap_or_else(|error| panic!("{pid}: {error}; the log:\n{}", self.log()));
    }

    /// Everything that the processes of this world logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits for a line of the log that holds all of `parts`.
    pub(crate) fn until_logged(&self, parts: &[&str]) -> String {
        let mut found = None;
        self.until(&format!("a log line with {parts:?}"), || {
            let log = self.log();
            found = log
                .split_inclusive('\n')
                .find(|line| line.ends_with('\n') && parts.iter().all(|part| line.contains(part)))
                .map(ToOwned::to_owned);
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits for a condition that nothing tells of.
    pub(crate) fn until(&self, what: &str, mut is_met: impl FnMut() -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !is_met() {
            assert!(Instant::now() < patience, "{what} did not come; the log:\n{}", self.log());
            #[expect(clippy::disallowed_methods, reason = "the condition is asked for again; no worker is held up")]
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where a listener of the first process can be reached.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        let line = self.until_logged(&["\"listening\"", &format!("\"listener\":\"{listener}\"")]);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line.get("address").and_then(serde_json::Value::as_str).unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    }

    /// Waits until a process that this world started is over; returns its exit code.
    pub(crate) fn exit_code(&mut self, pid: u32) -> Option<i32> {
        let index = self.children.iter().position(|child| child.id() == pid).unwrap();
        let mut child = self.children.swap_remove(index);
        let mut status = None;
        self.until(&format!("the end of {pid}"), || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    /// The processes that run in this world, whoever started them: they inherited the name of its notify socket.
    pub(crate) fn running(&self) -> Vec<u32> {
        let mark = format!("NOTIFY_SOCKET={}\0", self.path("notify").display());
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        })
        .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // One that starts another right now is gone in the next round, and so is the other.
        loop {
            let running = self.running();
            for pid in &running {
                if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            for child in &mut self.children {
                let _ = child.wait();
            }
            if running.is_empty() {
                break;
            }
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

fn receive(notify: &UnixDatagram) -> Option<Note> {
    let mut datagram = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(notify, &mut [IoSliceMut::new(&mut datagram)], &mut ancillary, RecvFlags::empty()).ok()?;
    let pid = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid.as_raw_nonzero().get()),
        _ => None,
    })?;
    let text = String::from_utf8(datagram.get(..received.bytes)?.to_vec()).ok()?;
    Some(Note { pid: u32::try_from(pid).ok()?, text })
}
