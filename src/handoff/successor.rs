//! Starting the program anew: which file, with which arguments, in which environment.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use procfs::process::Process;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group, setpgid};
use tokio::process::{Child, Command};

/// The variable that names the descriptor of the handoff socket.
pub const HANDOFF_FD: &str = "WINDLASS_HANDOFF_FD";

/// How this process was started, and so how the next one is.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Never `/proc/self/exe`: after a package update that is the old file, and deleted.
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// A new process, which is ended when this is dropped before [`StartedProcess::release`].
#[derive(Debug)]
pub struct StartedProcess {
    child: Child,
    pid: u32,
    is_ours: bool,
}

impl Program {
    /// Takes the arguments of this process, the program's name first, and the value of `PATH`.
    ///
    /// Call it at the start: a relative name belongs to the folder that the process was started in.
    pub fn of_this_process(mut arguments: impl Iterator<Item = OsString>, path: Option<&OsStr>) -> Self {
        let name = PathBuf::from(arguments.next().unwrap_or_default());
        let is_plain = name.components().count() == 1 && !name.as_os_str().as_encoded_bytes().contains(&b'/');
        let found = if is_plain { search(&name, path.unwrap_or_default()) } else { None };
        let path = found.unwrap_or(name);
        Self { path: std::path::absolute(&path).unwrap_or(path), arguments: arguments.collect() }
    }

    /// The same, serving this configuration file, whatever this process was started for.
    pub fn serving(self, config: &Path) -> Self {
        let arguments = vec!["run".into(), "--config".into(), config.into()];
        Self { arguments, ..self }
    }

    /// The file that is started.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the program as this process was, with `handoff` as its handoff socket.
    ///
    /// It is another process for systemd: what names this one in the environment is not passed on. The notify socket is:
    /// the new one must say that it is ready.
    pub fn start(&self, handoff: OwnedFd) -> io::Result<StartedProcess> {
        // The only child that this process ever starts: no other one can inherit it meanwhile.
        fcntl_setfd(&handoff, FdFlags::empty())?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env(HANDOFF_FD, handoff.as_raw_fd().to_string());
        for variable in ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            command.env_remove(variable);
        }
        // A group of its own, so that nothing that it starts outlives a failure; see `join_group_of`.
        let child = command.process_group(0).spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        Ok(StartedProcess { child, pid, is_ours: true })
    }
}

impl StartedProcess {
    /// Its pid. It is no other process's as long as this value lives.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it now, and waits until it is gone.
    pub async fn end(mut self) {
        self.kill();
        let _ = self.child.wait().await;
        // Its number may be another's from now on.
        self.is_ours = false;
    }

    /// Lets it live on; it is reaped if it ends before this process.
    pub fn release(mut self) {
        self.is_ours = false;
    }

    /// Ends it and everything that it started: whatever that is, it holds our listening sockets, and answers nobody there.
    fn kill(&mut self) {
        // Who has ended already is what was wanted.
        let _ = Pid::from_raw(self.pid.cast_signed()).map(|group| kill_process_group(group, Signal::KILL));
        let _ = self.child.start_kill();
    }
}

impl Drop for StartedProcess {
    fn drop(&mut self) {
        if self.is_ours {
            self.kill();
        }
    }
}

/// Joins the process group of the process that has handed over.
///
/// Until a new process serves, it is in a group of its own, by which it is ended if it fails. Afterwards it belongs where the
/// old one is: a Ctrl-C in the terminal that started that must reach whoever serves.
///
/// # Errors
/// That the old process is gone, and its group with it, or is of another session: nobody's terminal is meant then.
pub fn join_group_of(predecessor: u32) -> io::Result<()> {
    let stat = Process::new(predecessor.cast_signed()).and_then(|process| process.stat()).map_err(io::Error::other)?;
    // It is 0 where the group is one that is not seen from inside a container.
    let group = Pid::from_raw(stat.pgrp).ok_or(io::ErrorKind::NotFound)?;
    Ok(setpgid(None, Some(group))?)
}

/// The first executable file of that name in the folders of `PATH`.
fn search(name: &Path, path: &OsStr) -> Option<PathBuf> {
    let is_executable =
        |file: &PathBuf| file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    std::env::split_paths(path).map(|folder| folder.join(name)).find(is_executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_belongs_to_the_folder_of_the_start() {
        let here = std::env::current_dir().unwrap();

        assert_eq!(program("./windlass", "/bin").path(), here.join("windlass"));
        assert_eq!(program("target/windlass", "/bin").path(), here.join("target/windlass"));
        assert_eq!(program("/usr/bin/windlass", "").path(), Path::new("/usr/bin/windlass"));
    }

    #[test]
    fn a_plain_name_is_searched_for() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, executable) = (folder.path().join("a"), folder.path().join("b"));
        for (folder, mode) in [(&plain, 0o644), (&executable, 0o755)] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("windlass"), "").unwrap();
            std::fs::set_permissions(folder.join("windlass"), PermissionsExt::from_mode(mode)).unwrap();
        }
        let path = format!("{}:{}", plain.display(), executable.display());

        assert_eq!(program("windlass", &path).path(), executable.join("windlass"));
    }

    #[test]
    fn a_link_is_followed_when_it_is_started_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        std::os::unix::fs::symlink("/bin/true", &link).unwrap();

        assert_eq!(program(link.to_str().unwrap(), "").path(), link);
    }

    #[tokio::test]
    async fn a_process_that_is_dropped_is_ended() {
        let started = sleeper();
        let pid = started.pid();
        let environment = std::fs::read(format!("/proc/{pid}/environ"));
        assert!(environment.is_ok());

        drop(started);

        let gone = async {
            // tokio reaps it in the background.
            while Path::new(&format!("/proc/{pid}")).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_executed_is_an_error() {
        let (_, theirs) = super::super::Channel::pair().unwrap();
        assert!(program("/etc/passwd", "").start(theirs).is_err());
    }

    fn sleeper() -> StartedProcess {
        let (_, theirs) = super::super::Channel::pair().unwrap();
        let arguments = ["/bin/sleep", "60"].map(OsString::from);
        Program::of_this_process(arguments.into_iter(), None).start(theirs).unwrap()
    }

    fn program(name: &str, path: &str) -> Program {
        Program::of_this_process([OsString::from(name)].into_iter(), Some(OsStr::new(path)))
    }
}
