//! The duty of the first process of a container: whoever lost its parent is its child, and stays a zombie until it is waited for.

use std::io;

use rustix::process::{WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for everybody who has ended, as long as it runs.
///
/// Only for process 1, which hands over to nobody: of a process that was started here, the exit status would be lost.
///
/// # Errors
/// The system refuses the signal handler.
pub async fn reap_orphans() -> io::Result<()> {
    let mut ended = signal(SignalKind::child())?;
    loop {
        // Signals coalesce: there may be more than one. An error is that there are no children.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if ended.recv().await.is_none() {
            return Ok(());
        }
    }
}
