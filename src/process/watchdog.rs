//! systemd's watchdog, as sd_watchdog_enabled(3) has it: how often a service has to show that it lives.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// What the environment says about the watchdog.
#[derive(Clone, Debug, Default)]
pub struct WatchdogVariables {
    /// `WATCHDOG_USEC`: after so many microseconds without a sign, the service is ended.
    pub microseconds: Option<OsString>,
    /// `WATCHDOG_PID`: whom it is for; everybody, where it is not set.
    pub pid: Option<OsString>,
}

impl WatchdogVariables {
    /// How often this process, `pid`, gives a sign: twice in the time that it has. `None` if nobody waits for one.
    pub fn notify_every(&self, pid: u32) -> Option<Duration> {
        if self.pid.is_some() && number(self.pid.as_deref()) != Some(u64::from(pid)) {
            return None;
        }
        let time = Duration::from_micros(number(self.microseconds.as_deref())?);
        (!time.is_zero()).then_some(time / 2)
    }
}

fn number(value: Option<&OsStr>) -> Option<u64> {
    value?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_two_signs_in_the_time_it_has() {
        assert_eq!(every(Some("30000000"), None), Some(Duration::from_secs(15)));
        assert_eq!(every(Some("30000000"), Some("7")), Some(Duration::from_secs(15)));
    }

    #[test]
    fn gives_none_where_nobody_waits() {
        for (microseconds, pid) in
            [(None, None), (Some("0"), None), (Some("soon"), None), (Some("1000"), Some("8")), (None, Some("7"))]
        {
            assert_eq!(every(microseconds, pid), None, "{microseconds:?} {pid:?}");
        }
    }

    fn every(microseconds: Option<&str>, pid: Option<&str>) -> Option<Duration> {
        WatchdogVariables { microseconds: microseconds.map(Into::into), pid: pid.map(Into::into) }.notify_every(7)
    }
}
