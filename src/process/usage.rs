//! What this process takes of the machine, as the kernel counts it (proc(5)).

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};

use crate::metrics::ProcessUsage;

/// What this process takes now; `None` where `/proc` is not to be read.
///
/// Reads a few files of `/proc`, which are made in memory: it waits for no disk.
pub fn usage() -> Option<ProcessUsage> {
    read().ok()
}

fn read() -> ProcResult<ProcessUsage> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = ticks_per_second() as f64;
    let most = match process.limits()?.max_open_files.soft_limit {
        LimitValue::Value(limit) => Some(limit),
        LimitValue::Unlimited => None,
    };
    Ok(ProcessUsage {
        cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
        resident_bytes: stat.rss * page_size(),
        virtual_bytes: stat.vsize,
        descriptors: process.fd_count()? as u64,
        most_descriptors: most,
        started_at: boot_time_secs()? as f64 + stat.starttime as f64 / ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_this_process_takes() {
        let before = usage().unwrap();
        let _held: Vec<_> = (0..3).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let usage = usage().unwrap();
        assert!(usage.resident_bytes > 1 << 20, "{usage:?}");
        assert!(usage.virtual_bytes >= usage.resident_bytes, "{usage:?}");
        assert!(
            usage.descriptors >= 3 && usage.most_descriptors.is_none_or(|most| most >= usage.descriptors),
            "{usage:?}"
        );
        assert!(usage.cpu_seconds >= before.cpu_seconds, "{usage:?}");
        // After 2020, and the same whenever it is asked for.
        assert!(usage.started_at > 1.577e9, "{usage:?}");
        assert!((usage.started_at - before.started_at).abs() < 1e-6, "{usage:?}");
    }
}
