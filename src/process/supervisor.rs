//! Who watches this process: somebody who takes its end for the end of the service must not see it hand over.
//!
//! systemd is told who the service is from then on. Others watch the process that they started, and no other one: the first
//! process of a container, and what most supervisors start.

use std::fmt;
use std::fs;

/// How many processes up is looked: scripts that start scripts.
const GENERATIONS: usize = 16;

/// Somebody who watches this process and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// The kernel: a container ends with its first process.
    Kernel,
    /// The first process of the container, which ends with what it started.
    Init {
        /// What it is called.
        name: String,
    },
    /// A supervisor, which starts anew what has ended.
    Supervisor {
        /// What it is called.
        name: String,
        /// Its process.
        pid: u32,
    },
    /// systemd, which nobody can tell who the service is.
    DeafSystemd,
}

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    /// Its name, cut at 15 bytes; that of a script, where it is one.
    name: String,
    /// The file that it executes, without its folder; `None` where it is another user's.
    program: Option<String>,
    parent: u32,
}

impl Watcher {
    /// Who watches this process. To be asked at the start: later, whoever has started it may be gone.
    ///
    /// `hears` says whether there is a notify socket; `started_by_systemd` is the value of `SYSTEMD_EXEC_PID`.
    pub fn of_this_process(hears: bool, started_by_systemd: Option<u32>) -> Option<Self> {
        Self::find(std::process::id(), Process::read, hears, started_by_systemd)
    }

    fn find(
        own: u32,
        look: impl Fn(u32) -> Option<Process>,
        hears: bool,
        started_by_systemd: Option<u32>,
    ) -> Option<Self> {
        if own == 1 {
            return Some(Self::Kernel);
        }
        let mut pid = own;
        for _ in 0..GENERATIONS {
            if started_by_systemd == Some(pid) {
                return if hears { None } else { Some(Self::DeafSystemd) };
            }
            // Not shown to us, or in another namespace: it cannot be told.
            let parent = look(pid)?.parent;
            let Process { name, program, .. } = look(parent)?;
            if parent == 1 {
                return if name == "systemd" { None } else { Some(Self::Init { name }) };
            }
            if is_supervisor(&name) {
                return Some(Self::Supervisor { name, pid: parent });
            }
            if !is_shell(program.as_deref().unwrap_or(&name)) {
                return None;
            }
            pid = parent;
        }
        None
    }
}

impl Process {
    /// As the kernel shows it: proc_pid_stat(5). A name may hold anything, so what follows it is found from the end.
    fn read(pid: u32) -> Option<Self> {
        let process = Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
        Some(Self { program: program.and_then(|it| Some(it.file_name()?.to_str()?.to_owned())), ..process })
    }

    fn parse(stat: &str) -> Option<Self> {
        let (start, rest) = stat.rsplit_once(')')?;
        let (_, name) = start.split_once('(')?;
        let parent = rest.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Self { name: name.to_owned(), program: None, parent })
    }
}

/// A script that does not say `exec` stands between.
fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "ash" | "bash" | "dash" | "busybox" | "ksh" | "mksh" | "zsh" | "run" | "execlineb")
}

fn is_supervisor(name: &str) -> bool {
    let is_named = SUPERVISORS.contains(&name);
    // Node sets the name of its process: "PM2 v5.3.0: God".
    is_named || name.starts_with("PM2 ")
}

/// Supervisors that watch the process that they have started, as the kernel names them.
const SUPERVISORS: [&str; 24] = [
    "tini",
    "tini-static",
    "docker-init",
    "podman-init",
    "catatonit",
    "dumb-init",
    "pid1",
    "runsv",
    "s6-supervise",
    "supervise",
    "supervise-daemo",
    "supervisord",
    "circusd",
    "perpd",
    "dinit",
    "nitro",
    "finit",
    "procd",
    "monit",
    "honcho",
    "foreman",
    "forego",
    "goreman",
    "hivemind",
];

impl fmt::Display for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str(
                "windlass is process 1, and its container would end with it: start a new container beside this one instead",
            ),
            Self::Init { name } => write!(
                f,
                "windlass was started by process 1, {name}, and the container would end with it: start a new container \
                 beside this one instead; {ALLOW}"
            ),
            Self::Supervisor { name, pid } => write!(
                f,
                "windlass was started by {name} (process {pid}), which would take its end for the end of the service and \
                 start another one, or end the container: start a second instance beside this one instead; {ALLOW}"
            ),
            Self::DeafSystemd => write!(
                f,
                "systemd has started windlass and cannot be told who the service is from then on: use Type=notify and \
                 NotifyAccess=all, as windlass.service does; {ALLOW}"
            ),
        }
    }
}

/// There are supervisors of which this is not true.
const ALLOW: &str = "where that is not so, set drain.handoff.under_supervisor = \"allow\"";

#[cfg(test)]
mod tests {
    use super::*;

    /// Process 100 below these, the nearest first, each with its pid.
    fn below(ancestors: &[(u32, &str)], hears: bool, started_by_systemd: Option<u32>) -> Option<Watcher> {
        let chain: Vec<_> = [(100, "windlass")].iter().chain(ancestors).copied().collect();
        let look = |pid: u32| {
            let at = chain.iter().position(|it| it.0 == pid)?;
            let parent = chain.get(at + 1).map_or(0, |it| it.0);
            let name = chain[at].1.to_owned();
            let program = name.ends_with(".sh").then(|| "dash".to_owned());
            Some(Process { name, program, parent })
        };
        Watcher::find(100, look, hears, started_by_systemd)
    }

    #[test]
    fn the_first_process_of_a_container_is_watched_by_the_kernel() {
        assert_eq!(Watcher::find(1, |_| None, true, None), Some(Watcher::Kernel));
    }

    #[test]
    fn what_the_first_process_has_started_ends_the_container() {
        for name in ["tini", "docker-init", "sh", "entrypoint.sh", "node", "init"] {
            assert_eq!(below(&[(1, name)], true, None), Some(Watcher::Init { name: name.into() }));
        }
        assert_eq!(below(&[(7, "sh"), (1, "tini")], false, None), Some(Watcher::Init { name: "tini".into() }));
    }

    #[test]
    fn a_supervisor_is_found_behind_the_shell_of_its_script() {
        let runsv = Some(Watcher::Supervisor { name: "runsv".into(), pid: 8 });
        assert_eq!(below(&[(8, "runsv"), (2, "runsvdir"), (1, "systemd")], false, None), runsv);
        assert_eq!(below(&[(9, "sh"), (8, "runsv"), (1, "runit")], false, None), runsv);
        assert_eq!(below(&[(9, "start.sh"), (8, "runsv"), (1, "runit")], false, None), runsv);
        assert!(below(&[(8, "PM2 v5.3.0: God"), (1, "systemd")], false, None).is_some());
    }

    #[test]
    fn systemd_is_no_hindrance_where_it_hears_us() {
        assert_eq!(below(&[(1, "systemd")], true, Some(100)), None);
        assert_eq!(below(&[(50, "sh"), (1, "systemd")], true, Some(50)), None);
        assert_eq!(below(&[(1, "systemd")], false, Some(100)), Some(Watcher::DeafSystemd));
        // Inherited from a service that started a terminal that started us.
        assert_eq!(below(&[(50, "bash"), (40, "sshd"), (1, "systemd")], false, Some(30)), None);
    }

    #[test]
    fn who_is_started_by_hand_or_from_outside_is_watched_by_nobody() {
        assert_eq!(below(&[(50, "bash"), (40, "sshd"), (1, "systemd")], false, None), None);
        assert_eq!(below(&[(40, "cargo"), (1, "tini")], false, None), None);
        assert_eq!(below(&[], false, None), None, "docker exec: its parent is in another namespace");
    }

    #[test]
    fn a_name_may_hold_anything() {
        let read = Process::parse("12 (a) b (c) S 34 5 6 7");
        assert_eq!(read, Some(Process { name: "a) b (c".into(), program: None, parent: 34 }));
        assert_eq!(Process::parse(""), None);
        assert_eq!(Process::read(std::process::id()).unwrap().parent, std::os::unix::process::parent_id());
    }
}
