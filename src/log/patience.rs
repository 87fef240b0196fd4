//! Who waits for room in the log: nobody who logs, but the thread that tells elsewhere what one place has not taken. It has nothing else to
//! do, and may have more to tell than waits at once.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Does what is given; whatever this thread logs meanwhile waits for room, but all of it together no longer than that.
pub(super) fn patiently(time: Duration, given: impl FnOnce()) {
    UNTIL.set(Instant::now().checked_add(time));
    given();
    UNTIL.set(None);
}

/// Whether this thread waits for room still.
pub(super) fn is_patient() -> bool {
    UNTIL.get().is_some_and(|until| Instant::now() < until)
}
