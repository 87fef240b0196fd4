//! The real program, in a process of its own.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram as StdUnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::UnixDatagram;
use tokio::process::{Child, ChildStderr, Command};

use super::{Config, Endpoint, Handshake, Proxy, Wire, within};

/// A `windlass` that runs. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// What it logs, unless that is ignored.
    log: Option<Lines<BufReader<ChildStderr>>>,
    file: PathBuf,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

/// Plays systemd's notify socket.
#[derive(Debug)]
pub(crate) struct NotifySocket {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts it, and waits until it listens.
    pub(crate) async fn serving(config: &Config) -> Self {
        Self::start(config, None).await
    }

    /// The same with somebody to notify.
    pub(crate) async fn notifying(config: &Config, socket: &NotifySocket) -> Self {
        Self::start(config, Some(&socket.path)).await
    }

    async fn start(config: &Config, notify: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("windlass.toml");
        std::fs::write(&file, config.text()).unwrap();
        let mut command = Self::command();
        command.args(["run", "-c"]).arg(&file).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(path) = notify {
            command.env("NOTIFY_SOCKET", path);
        }
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = next_with(&mut log, "\"listening\"").await;
        let address = field(&line, "address").parse().unwrap();
        Self { child, log: Some(log), file, folder, address }
    }

    /// The program, with nothing of this process's environment that matters to it.
    pub(crate) fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
        command
    }

    /// Where its listener can be reached.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection with it.
    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// A tunnel to this endpoint: its two ends.
    pub(crate) async fn tunnel(&self, endpoint: &Endpoint) -> (Wire, Wire) {
        Proxy::tunnel_over(self.connect().await, &Handshake::new(), endpoint).await
    }

    /// A folder that lives as long as it does.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces its configuration file, all at once.
    pub(crate) fn write(&self, config: &Config) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, config.text()).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id().cast_signed()).expect("a process has an id");
        kill_process(id, signal).unwrap();
    }

    /// The next line of its log with this in it.
    pub(crate) async fn logs(&mut self, text: &str) -> String {
        next_with(self.log.as_mut().expect("the log is read"), text).await
    }

    /// Lines of its log with each of these in them, in whatever order they come.
    pub(crate) async fn logs_all(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let line = next_with_any(self.log.as_mut().expect("the log is read"), &missing).await;
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Reads its log away, so that it never waits for a reader.
    pub(crate) fn ignore_log(&mut self) {
        let Some(mut log) = self.log.take() else { return };
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    }

    /// Waits for its end.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        within("the end of the program", self.child.wait()).await.unwrap()
    }

    /// What of its memory is resident, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
    }
}

impl NotifySocket {
    /// Listens.
    pub(crate) fn bind() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = StdUnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket: UnixDatagram::from_std(socket).unwrap(), path, _folder: folder }
    }

    /// The next datagram.
    pub(crate) async fn heard(&self) -> String {
        let mut datagram = [0; 4096];
        let length = within("a datagram on the notify socket", self.socket.recv(&mut datagram)).await.unwrap();
        String::from_utf8(datagram[..length].to_vec()).unwrap()
    }
}

async fn next_with(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    next_with_any(log, &[text]).await
}

/// The next line that holds one of these.
async fn next_with_any(log: &mut Lines<BufReader<ChildStderr>>, texts: &[&str]) -> String {
    let mut before = Vec::new();
    within(&texts.join(" or "), async {
        loop {
            match log.next_line().await.unwrap() {
                Some(line) if texts.iter().any(|text| line.contains(text)) => return line,
                Some(line) => before.push(line),
                None => panic!("the log ends without {texts:?}:\n{}", before.join("\n")),
            }
        }
    })
    .await
}

/// A field of a line of JSON.
fn field(line: &str, name: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}
