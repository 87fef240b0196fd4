//! What a proxy costs: the CPU time and the memory of its whole process tree.
#![expect(unsafe_code, reason = "no safe wrapper reads another process's CPU clock")]

use std::fs;
use std::io;
use std::time::Duration;

/// A proxy's processes, by the first one.
pub(crate) struct Proxy {
    pids: Vec<i32>,
}

impl Proxy {
    /// The process and all its descendants, as they are now.
    pub(crate) fn of(root: i32) -> io::Result<Self> {
        let mut parents = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            // pid (name) state ppid …: the name may hold anything.
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
            parents.extend(parent.map(|parent: i32| (pid, parent)));
        }
        let mut pids = vec![root];
        let mut seen = 0;
        while let Some(&parent) = pids.get(seen) {
            pids.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
            seen += 1;
        }
        Ok(Self { pids })
    }

    /// User and kernel time so far, of ended threads too; in nanoseconds, where /proc/PID/stat counts ticks of 10 ms.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        self.pids.iter().map(|&pid| cpu_of(pid)).sum()
    }

    /// Proportional set size in bytes: its own memory, and its share of what it shares.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        let mut total = 0;
        for pid in &self.pids {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            let pss = rollup
                .lines()
                .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok());
            total += pss.ok_or_else(|| io::Error::other("smaps_rollup has no Pss"))? * 1024;
        }
        Ok(total)
    }
}

/// The CPU time of a process, or of ours with 0.
pub(crate) fn cpu_of(pid: i32) -> io::Result<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls only write to the value that they are given a pointer to, which lives in this frame.
    let result = unsafe {
        match libc::clock_getcpuclockid(pid, &raw mut clock) {
            0 => libc::clock_gettime(clock, &raw mut time),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)))
}
