//! The one scratch of a worker: every tunnel on it reads into this, so that an idle one holds no buffer.

use std::cell::RefCell;
use std::fmt;

use tokio::time::Instant;

use crate::traffic::SecondClock;
use crate::websocket::MeterScratch;

/// How much is read at once: a TLS record is 16 KiB, and beyond four of them a larger read no longer pays.
pub(super) const READ: usize = 64 * 1024;
/// Room in front of a read for what the last one left unjudged: the start of a header or of a control frame.
pub(super) const HEAD: usize = 256;

/// What a worker lends to the tunnel that it polls.
#[derive(Debug)]
pub(super) struct ReadScratch {
    /// What is read.
    pub(super) bytes: Box<[u8]>,
    /// For meters; there once a tunnel of this worker has one.
    pub(super) meters: Meters,
    /// Tells in which second something passes.
    pub(super) clock: SecondClock,
}

/// The scratch of the meters of compressed messages.
#[derive(Default)]
pub(super) struct Meters(Option<Box<MeterScratch>>);

impl Meters {
    pub(super) fn lend(&mut self) -> &mut MeterScratch {
        self.0.get_or_insert_with(MeterScratch::new)
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}

thread_local! {
    static SCRATCH: RefCell<ReadScratch> = RefCell::new(ReadScratch {
        bytes: vec![0; HEAD + READ].into_boxed_slice(),
        meters: Meters::default(),
        clock: SecondClock::new(Instant::now()),
    });
}

/// Lends the worker's scratch for the length of one poll.
pub(super) fn with<R>(work: impl FnOnce(&mut ReadScratch) -> R) -> R {
    // A tunnel is never polled from within the poll of another one, so it is free.
    SCRATCH.with_borrow_mut(work)
}
