//! What programs have on the disk: a configuration file, a log, an admin socket.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::process::Command;

use super::command::command;
use super::wait::{PATIENCE, is_met};

/// The folder of a program, or of several that follow each other; gone with the last who has it.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<TempDir>);

impl Folder {
    /// One with this configuration.
    pub(crate) fn new(config: &str) -> Self {
        let folder = Self(Arc::new(tempfile::tempdir().unwrap()));
        folder.configure(config);
        folder
    }

    /// Itself.
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// What has this name in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("windlass.toml")
    }

    /// Its admin socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("admin.sock")
    }

    /// Replaces the configuration file, all at once.
    pub(crate) fn configure(&self, config: &str) {
        let new = self.write_config("windlass.toml.new", config);
        fs::rename(new, self.config()).unwrap();
    }

    /// Writes a configuration under another name, where `ADMIN` stands for the admin socket.
    pub(crate) fn write_config(&self, name: &str, config: &str) -> PathBuf {
        self.write(name, &config.replace("ADMIN", &format!("unix:{}", self.socket().display())))
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `program` with `arguments` of its own and then those of a run with this folder, where it logs too.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = command(program);
        command.args(arguments).args(["run", "-c"]).arg(self.config());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Everything that is logged into it so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.path("log")).unwrap_or_default();
        // The end of a line that is being written may be half a character.
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits for a line of the log that holds all of `parts`.
    pub(crate) async fn until_logged(&self, parts: &[&str]) -> String {
        let mut found = None;
        self.until(&format!("a line of the log with {parts:?}"), || {
            let log = self.log();
            let mut lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            found = lines.find(|line| parts.iter().all(|part| line.contains(part))).map(ToOwned::to_owned);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Waits for a condition that nothing announces; the log says why it does not come.
    pub(crate) async fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let is_met = is_met(async || condition()).await;
        assert!(is_met, "not within {PATIENCE:?}: {what}; the log:\n{}", self.log());
    }

    /// Where this listener of the first program can be reached.
    pub(crate) async fn address(&self, listener: &str) -> SocketAddr {
        let line = self.until_logged(&["\"listening\"", &format!("\"listener\":\"{listener}\"")]).await;
        address_of(&line)
    }
}

/// The address in a line of the log about a listener.
pub(super) fn address_of(line: &str) -> SocketAddr {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["address"].as_str().unwrap_or_else(|| panic!("no address in {line}")).parse().unwrap()
}
