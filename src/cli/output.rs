//! What a command leaves behind: words on its two streams, and an exit code.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The failure at run time.
pub(super) const FAILED: u8 = 1;
/// `plan`: tunnels would be closed.
pub(super) const WOULD_CLOSE: u8 = 3;
/// `import`: something has to be looked at.
pub(super) const LEFT: u8 = 3;
/// A wrong command line or configuration.
pub(super) const WRONG: u8 = 2;

/// Says it on the standard output, in colours only where that is a terminal, and nobody has set `NO_COLOR` (no-color.org).
pub(super) fn say(text: &str) {
    // Whoever has closed the pipe does not want to read on.
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Complains, but ends also where nobody reads it: a service that cannot start is started anew when it is gone.
pub(super) fn complain_briefly(text: String) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        complain(&text);
        // Whoever waits no longer has left.
        let _ = done.send(());
    });
    let _ = is_done.recv_timeout(LAST_WORDS);
}

/// How long the reader of a last complaint is waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);
