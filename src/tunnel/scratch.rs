//! The one read buffer of a worker: every tunnel on it reads into this, so that an idle one holds no buffer.

use std::cell::RefCell;

/// How much is read at once: a TLS record is 16 KiB, and beyond four of them a larger read no longer pays.
pub(super) const READ: usize = 64 * 1024;
/// Room in front of a read for what the last one left unjudged: the start of a header or of a control frame.
pub(super) const HEAD: usize = 256;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; HEAD + READ].into_boxed_slice());
}

/// Lends the worker's buffer for the length of one poll.
pub(super) fn with<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    // A tunnel is never polled from within the poll of another one, so the buffer is free.
    SCRATCH.with_borrow_mut(|scratch| work(scratch))
}
