//! The real program, in a process of its own.

use std::net::SocketAddr;
use std::process::ExitStatus;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::command::{PROGRAM, signal};
use super::folder::{Folder, address_of};
use super::{Config, Endpoint, Handshake, NotifySocket, Proxy, Wire, within};

/// A `windlass` that runs. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    id: u32,
    folder: Folder,
    /// So many bytes of the log were looked at.
    read: usize,
    /// Known when it is ready.
    address: Option<SocketAddr>,
}

impl Program {
    /// Starts it, and waits until it is ready.
    pub(crate) async fn serving(config: &Config) -> Self {
        Self::start(&config.text()).await
    }

    /// The same with somebody to notify.
    pub(crate) async fn notifying(config: &Config, socket: &NotifySocket) -> Self {
        let folder = Folder::new(&config.text());
        let mut command = folder.command(PROGRAM, &[]);
        command.env("NOTIFY_SOCKET", socket.path());
        Self::spawn(&folder, command).ready().await
    }

    /// Starts it with this configuration file, and waits until it is ready.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_in(&Folder::new(config)).ready().await
    }

    /// The same through a program that becomes what it is given.
    pub(crate) async fn start_through(program: &[&str], config: &str) -> Self {
        let folder = Folder::new(config);
        let (program, arguments) = program.split_first().unwrap();
        let command = folder.command(program, &[arguments, &[PROGRAM]].concat());
        Self::spawn(&folder, command).ready().await
    }

    /// Starts it in a folder that has its configuration.
    pub(crate) fn start_in(folder: &Folder) -> Self {
        Self::spawn(folder, folder.command(PROGRAM, &[]))
    }

    /// Starts it by a command of this folder.
    pub(crate) fn spawn(folder: &Folder, mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        let id = child.id().expect("it was not waited for");
        Self { child, id, folder: folder.clone(), read: 0, address: None }
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(mut self) -> Self {
        let listening = self.logs("\"listening\"").await;
        self.address = Some(address_of(&listening));
        self.logs("\"message\":\"ready\"").await;
        self
    }

    /// Where its listener can be reached.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it is ready")
    }

    /// A new connection with it.
    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.address()).await
    }

    /// A tunnel to this endpoint: its two ends.
    pub(crate) async fn tunnel(&self, endpoint: &Endpoint) -> (Wire, Wire) {
        Proxy::tunnel_over(self.connect().await, &Handshake::new(), endpoint).await
    }

    /// What it has on the disk.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Replaces its configuration file, all at once.
    pub(crate) fn write(&self, config: &Config) {
        self.folder.configure(&config.text());
    }

    /// Its process, also after its end.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, to_send: Signal) {
        signal(self.child.id().expect("it runs"), to_send);
    }

    /// The next line of its log with this in it.
    pub(crate) async fn logs(&mut self, text: &str) -> String {
        self.logs_any(&[text]).await
    }

    /// Lines of its log with each of these in them, in whatever order they come.
    pub(crate) async fn logs_all(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let line = self.logs_any(&missing).await;
            missing.retain(|text| !line.contains(text));
        }
    }

    /// The next line that holds one of these.
    async fn logs_any(&mut self, texts: &[&str]) -> String {
        let folder = self.folder.clone();
        let mut found = None;
        folder
            .until(&texts.join(" or "), || {
                // Whoever has ended has logged everything.
                let has_ended = self.child.try_wait().unwrap().is_some();
                found = self.next_line(texts);
                assert!(found.is_some() || !has_ended, "the log ends without {texts:?}:\n{}", folder.log());
                found.is_some()
            })
            .await;
        found.unwrap()
    }

    /// That line, if it is there already.
    fn next_line(&mut self, texts: &[&str]) -> Option<String> {
        let log = self.folder.log();
        let new = log.get(self.read..)?;
        for line in new.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.read += line.len();
            if texts.iter().any(|text| line.contains(text)) {
                return Some(line.to_owned());
            }
        }
        None
    }

    /// Waits for its end.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        within("the end of the program", self.child.wait()).await.unwrap()
    }

    /// What of its memory is resident, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        resident(self.id)
    }
}

/// What of the memory of a process is resident, in bytes.
pub(crate) fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}
