//! What this process takes of the machine, as the kernel counts it (proc(5)).

use std::sync::LazyLock;

use procfs::process::{LimitValue, Process, Stat};
use procfs::{page_size, ticks_per_second};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::metrics::ProcessUsage;

/// What this process takes now, as far as `/proc` is to be read.
///
/// Reads a few files of `/proc`, which are made in memory: it waits for no disk.
pub fn usage() -> ProcessUsage {
    let Ok(process) = Process::myself() else { return ProcessUsage::default() };
    let ticks = ticks_per_second() as f64;
    let stat = process.stat().ok();
    let of_stat = |value: fn(&Stat) -> u64| stat.as_ref().map(value);
    ProcessUsage {
        cpu_seconds: of_stat(|it| it.utime + it.stime).map(|taken| taken as f64 / ticks),
        resident_bytes: of_stat(|it| it.rss * page_size()),
        virtual_bytes: of_stat(|it| it.vsize),
        descriptors: process.fd_count().ok().map(|count| count as u64),
        most_descriptors: process.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        }),
        started_at: of_stat(|it| it.starttime).map(|since_boot| *BOOT + since_boot as f64 / ticks),
    }
}

/// When the system was booted, in seconds since 1970. `/proc/stat` says so too, where more than processes is seen of `/proc`
/// (`ProcSubset=` of systemd). Looked at once: the time of day may be set, and a process begins once.
static BOOT: LazyLock<f64> = LazyLock::new(|| {
    let seconds = |clock| {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
        tv_sec as f64 + tv_nsec as f64 / 1e9
    };
    seconds(ClockId::Realtime) - seconds(ClockId::Boottime)
});

#[cfg(test)]
mod tests {
    use super::super::unix_seconds;
    use super::*;

    #[test]
    fn says_what_this_process_takes() {
        let before = usage();
        let _held: Vec<_> = (0..3).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let usage = usage();
        let ProcessUsage { resident_bytes: Some(resident), virtual_bytes: Some(addressed), .. } = usage else {
            panic!("{usage:?}");
        };
        let (Some(descriptors), Some(started)) = (usage.descriptors, usage.started_at) else { panic!("{usage:?}") };
        assert!(resident > 1 << 20 && addressed >= resident, "{usage:?}");
        assert!(descriptors >= 3 && usage.most_descriptors.is_none_or(|most| most >= descriptors), "{usage:?}");
        assert!(usage.cpu_seconds.is_some() && usage.cpu_seconds >= before.cpu_seconds, "{usage:?}");
        // Before now, and no longer ago than a test runs.
        let now = unix_seconds() as f64;
        assert!((now - 24.0 * 3600.0..=now + 1.0).contains(&started), "{usage:?}");
        assert_eq!(usage.started_at, before.started_at);
    }
}
