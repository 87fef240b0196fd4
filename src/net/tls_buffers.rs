//! The TLS buffers of a worker: every connection on it decrypts and encrypts in these, so that an idle one holds none.
//!
//! They are not those of the tunnels: a tunnel reads plaintext into its own while these hold the ciphertext.

use std::cell::RefCell;

use crate::tls::{MAX_UNREAD, RECORD_OVERHEAD, RECORD_PAYLOAD, RecordBuffer};

/// How much plaintext is read or written at once.
pub(super) const PIECE: usize = 4 * RECORD_PAYLOAD;
/// As ciphertext: the records that it fills.
pub(super) const SEALED_PIECE: usize = 4 * (RECORD_PAYLOAD + RECORD_OVERHEAD);
/// The length of the buffer that is read into: what is unread goes in front of what is read next.
pub(super) const INCOMING: usize = MAX_UNREAD + SEALED_PIECE;
/// Room for what is sent in front of a piece on the connection's own account: a key update, an alert.
const EXTRAS: usize = 1024;

/// The two buffers.
#[derive(Debug)]
pub(super) struct TlsBuffers {
    /// What was read; decrypted in place.
    pub(super) incoming: Box<[u8]>,
    /// What is written next.
    pub(super) outgoing: RecordBuffer,
}

thread_local! {
    static BUFFERS: RefCell<TlsBuffers> = RefCell::new(TlsBuffers {
        incoming: vec![0; INCOMING].into_boxed_slice(),
        outgoing: RecordBuffer::with_capacity(SEALED_PIECE + EXTRAS),
    });
}

/// Lends the worker's buffers for the length of one poll.
pub(super) fn with<R>(work: impl FnOnce(&mut TlsBuffers) -> R) -> R {
    // Within a poll of a TLS stream only its socket is polled, so the buffers are free.
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.outgoing.clear();
        work(buffers)
    })
}
