//! The signals that steer the process.
//!
//! Signals coalesce: two that come before the first is taken may be seen as one. Nothing here counts.

use std::io;

use futures_util::FutureExt;
use rustix::process::{Pid, Signal as Number, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR2: start the program anew and hand over to it.
    Handoff,
    /// SIGUSR1: open the files of the log again.
    ReopenLog,
    /// SIGTERM, SIGINT or SIGQUIT: end politely; the second one ends at once.
    Stop,
    /// One that other servers know, and that by default would end this one without a word: nothing happens.
    Meaningless(&'static str),
}

/// The signals that came since [`Signals::listen`].
#[derive(Debug)]
pub struct Signals {
    hangup: tokio::signal::unix::Signal,
    /// What a SIGHUP means.
    hangup_means: Signal,
    user2: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    user1: tokio::signal::unix::Signal,
    alarm: tokio::signal::unix::Signal,
    /// Taken for its handler alone: where a file may not grow (RLIMIT_FSIZE), the write fails, and the process lives.
    _file_size: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals that people and their scripts send from their default, which is to kill the process.
    ///
    /// Needs a tokio runtime with I/O; fails only if the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            hangup_means: Signal::Reload,
            user2: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            user1: signal(SignalKind::user_defined1())?,
            alarm: signal(SignalKind::alarm())?,
            _file_size: signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
        })
    }

    /// The same for a process that ends with its terminal: the SIGHUP of one that closes is a stop.
    pub fn listen_at_a_terminal() -> io::Result<Self> {
        Ok(Self { hangup_means: Signal::Stop, ..Self::listen()? })
    }

    /// Waits for the next signal; a stop is seen before anything that came with it, and a reload before a handoff.
    ///
    /// Cancel safe: a signal that was not returned is returned by the next call.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.quit.recv() => Signal::Stop,
            _ = self.hangup.recv() => self.hangup_means,
            _ = self.user2.recv() => Signal::Handoff,
            _ = self.user1.recv() => Signal::ReopenLog,
            _ = self.alarm.recv() => Signal::Meaningless("SIGALRM"),
        }
    }

    /// Waits for a stop. Everything else that comes meanwhile is kept for [`next`](Self::next).
    ///
    /// Cancel safe, as that is.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
            _ = self.hangup.recv(), if self.hangup_means == Signal::Stop => {}
        }
    }

    /// Forgets a reload that was asked for and not yet taken: one that is about to happen serves for it too.
    pub fn forget_reload(&mut self) {
        while self.hangup.recv().now_or_never().is_some() {}
    }
}

/// Has another process read its configuration again, as `kill -HUP` would.
///
/// # Errors
/// There is no such process, or it is another user's.
pub fn ask_for_reload(pid: u32) -> io::Result<()> {
    send(pid, Number::HUP)
}

/// Has another process open the files of its log again.
///
/// # Errors
/// There is no such process, or it is another user's.
pub fn ask_to_reopen_log(pid: u32) -> io::Result<()> {
    send(pid, Number::USR1)
}

fn send(pid: u32, signal: Number) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    /// One test only: handlers belong to the whole process, so a second test would see these signals too.
    #[tokio::test]
    async fn tells_one_from_the_other() {
        let mut signals = Signals::listen().unwrap();

        raise(Number::HUP);
        assert_eq!(signals.next().await, Signal::Reload);
        raise(Number::TERM);
        assert_eq!(signals.next().await, Signal::Stop);
        for number in [Number::INT, Number::QUIT] {
            raise(number);
            assert_eq!(signals.next().await, Signal::Stop);
        }
        raise(Number::USR1);
        assert_eq!(signals.next().await, Signal::ReopenLog);
        raise(Number::ALARM);
        assert_eq!(signals.next().await, Signal::Meaningless("SIGALRM"));
        raise(Number::HUP);
        assert_eq!(signals.next().await, Signal::Reload);
        raise(Number::USR2);
        assert_eq!(signals.next().await, Signal::Handoff);

        raise(Number::USR2);
        raise(Number::HUP);
        raise(Number::TERM);
        signals.stop().await;
        // The system gives each to a thread of its choice, so one that was sent first may come last.
        let kept = [signals.next().await, signals.next().await];
        assert!(
            [Signal::Reload, Signal::Handoff].iter().all(|signal| kept.contains(signal)),
            "who waits for a stop leaves the others: {kept:?}"
        );
    }

    fn raise(number: Number) {
        kill_process(getpid(), number).unwrap();
    }
}
