//! What the two kernels know of a connection.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::task::Waker;

use tokio::time::Instant;

use crate::process::Delivery;

/// What fits into each of the buffers on the way, in bytes.
const ROOM: usize = 16 * 1024;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Dialled,
    Accepted,
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Dialled => Self::Accepted,
            Self::Accepted => Self::Dialled,
        }
    }
}

/// A connection, as the two kernels know it.
#[derive(Debug)]
pub(super) struct Connection {
    dialled: Kernel,
    accepted: Kernel,
    /// Nothing passes between the two.
    is_cable_pulled: bool,
}

/// What the kernel of one end knows.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Written here, and not received by the other kernel.
    unsent: VecDeque<u8>,
    /// Received, and not read.
    pub(super) unread: VecDeque<u8>,
    /// How many bytes the other kernel has received, and when the last of them.
    acked: u64,
    acked_at: Instant,
    /// A FIN stands behind `unsent`.
    pub(super) has_finished: bool,
    /// The other end's FIN stands behind `unread`.
    pub(super) has_fin: bool,
    /// There is no connection any more.
    pub(super) is_over: bool,
    /// Why, until somebody was told.
    pub(super) error: Option<ErrorKind>,
    /// The program has let go of its end.
    is_closed: bool,
    pub(super) resets_when_closed: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Connection {
    pub(super) fn new() -> Self {
        Self { dialled: Kernel::new(), accepted: Kernel::new(), is_cable_pulled: false }
    }

    pub(super) fn at(&mut self, end: End) -> &mut Kernel {
        match end {
            End::Dialled => &mut self.dialled,
            End::Accepted => &mut self.accepted,
        }
    }

    /// How many of `bytes` the kernel takes.
    pub(super) fn write(&mut self, end: End, bytes: &[u8], woken: &mut Vec<Waker>) -> usize {
        let unsent = &mut self.at(end).unsent;
        let count = ROOM.saturating_sub(unsent.len()).min(bytes.len());
        unsent.extend(&bytes[..count]);
        self.pass_on(end, woken);
        count
    }

    /// A FIN follows what was written.
    pub(super) fn finish(&mut self, end: End, woken: &mut Vec<Waker>) {
        self.at(end).has_finished = true;
        self.pass_on(end, woken);
    }

    /// The program lets go of this end.
    pub(super) fn close(&mut self, end: End, woken: &mut Vec<Waker>) {
        let kernel = self.at(end);
        kernel.is_closed = true;
        if kernel.is_over {
            return;
        }
        if kernel.resets_when_closed || !kernel.unread.is_empty() {
            kernel.unsent.clear();
            kernel.is_over = true;
            if !self.is_cable_pulled {
                self.at(end.other()).fail(ErrorKind::ConnectionReset, woken);
            }
        } else {
            self.finish(end, woken);
        }
    }

    /// Nothing passes any more, and nobody is told; the kernels learn of it by TCP's keepalive.
    pub(super) fn pull_cable(&mut self) {
        self.is_cable_pulled = true;
    }

    /// The kernels have probed long enough.
    pub(super) fn give_up(&mut self, woken: &mut Vec<Waker>) {
        self.dialled.fail(ErrorKind::TimedOut, woken);
        self.accepted.fail(ErrorKind::TimedOut, woken);
    }

    /// Moves what `end` has written as far as it gets.
    pub(super) fn pass_on(&mut self, end: End, woken: &mut Vec<Waker>) {
        if self.is_cable_pulled {
            return;
        }
        let (from, to) = match end {
            End::Dialled => (&mut self.dialled, &mut self.accepted),
            End::Accepted => (&mut self.accepted, &mut self.dialled),
        };
        if to.is_closed && !from.unsent.is_empty() {
            from.fail(ErrorKind::ConnectionReset, woken);
            return;
        }
        let count = ROOM.saturating_sub(to.unread.len()).min(from.unsent.len());
        to.unread.extend(from.unsent.drain(..count));
        if count > 0 {
            from.acked += count as u64;
            from.acked_at = Instant::now();
            woken.extend(from.writer.take());
        }
        let has_fin = from.has_finished && from.unsent.is_empty();
        if count > 0 || has_fin && !to.has_fin {
            woken.extend(to.reader.take());
        }
        to.has_fin = has_fin;
    }
}

impl Kernel {
    fn new() -> Self {
        Self {
            unsent: VecDeque::new(),
            unread: VecDeque::new(),
            acked: 0,
            acked_at: Instant::now(),
            has_finished: false,
            has_fin: false,
            is_over: false,
            error: None,
            is_closed: false,
            resets_when_closed: false,
            reader: None,
            writer: None,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.unread.is_empty() || self.has_fin || self.is_over
    }

    pub(super) fn delivery(&self) -> Delivery {
        let Self { acked, acked_at, unsent, .. } = self;
        Delivery { acked: *acked, outstanding: !unsent.is_empty(), since_ack: acked_at.elapsed() }
    }

    /// The connection is no more; what was received can still be read.
    fn fail(&mut self, error: ErrorKind, woken: &mut Vec<Waker>) {
        if !self.is_over {
            self.is_over = true;
            self.error = Some(error);
            self.unsent.clear();
        }
        woken.extend(self.reader.take());
        woken.extend(self.writer.take());
    }
}
