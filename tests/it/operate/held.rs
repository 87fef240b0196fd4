//! Files that take long to open, as on a mount that hangs.
#![expect(unsafe_code, reason = "leases have no safe wrapper in the crates we use")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::rig::until_async;

/// A file that whoever opens it waits for, until this is dropped: it has a lease (fcntl(2)).
pub(crate) struct Held {
    file: File,
}

impl Held {
    /// Holds the file that is at `path` now. Nobody may have it open.
    pub(crate) fn hold(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        // By default we would be told by a signal that ends us.
        control(&file, F_SETSIG, libc::SIGURG);
        control(&file, libc::F_SETLEASE, libc::F_WRLCK);
        Self { file }
    }

    /// Waits until somebody opens it, and is kept waiting.
    pub(crate) async fn is_opened(&self) {
        let lease = || control(&self.file, libc::F_GETLEASE, 0);
        until_async("somebody to open the file", async || lease() != libc::F_WRLCK).await;
    }
}

/// Of `asm-generic/fcntl.h`; libc has no name for it.
const F_SETSIG: libc::c_int = 10;

fn control(file: &File, command: libc::c_int, argument: libc::c_int) -> libc::c_int {
    // SAFETY: the descriptor is open as long as `file` is borrowed, and the commands used here take a number.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}
