//! Records on their way out.
//!
//! Invariant: `used <= bytes.len()`.

use rustls::unbuffered::{EncodeError, EncryptError, InsufficientSizeError};

use crate::ranges::{within, within_mut};

/// A buffer that records are written into, one behind the other. Its memory is kept: it belongs to a worker.
#[derive(Debug)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    /// How many of `bytes` are records; the rest is room.
    used: usize,
}

/// rustls' way to say that a record did not fit, or could not be made at all.
pub(super) trait Short: Sized {
    /// How much room it takes, where room is what is missing.
    fn required_size(&self) -> Option<usize>;
}

impl RecordBuffer {
    /// A buffer with room for `capacity` bytes; it grows if one message needs more at once.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity], used: 0 }
    }

    /// The records in it.
    pub fn filled(&self) -> &[u8] {
        within(&self.bytes, ..self.used)
    }

    /// Forgets the records in it.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Has `write` make a record of `length` bytes. If it fails there is none.
    pub(super) fn fill<E>(&mut self, length: usize, write: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<(), E> {
        let end = self.used + length;
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        write(within_mut(&mut self.bytes, self.used..end))?;
        self.used = end;
        Ok(())
    }

    /// Has `write` put a record into the room that is left. rustls writes nothing where it finds too little, and says
    /// how much it wants: then it gets that.
    pub(super) fn put<E: Short>(&mut self, mut write: impl FnMut(&mut [u8]) -> Result<usize, E>) -> Result<(), E> {
        loop {
            let room = within_mut(&mut self.bytes, self.used..);
            let had = room.len();
            match write(room) {
                Ok(count) => {
                    debug_assert!(count <= had, "{count} bytes were written into {had}");
                    self.used += count.min(had);
                    return Ok(());
                }
                Err(error) => match error.required_size() {
                    Some(required) if required > had => self.bytes.resize(self.used + required, 0),
                    Some(_) | None => return Err(error),
                },
            }
        }
    }
}

impl Short for EncodeError {
    fn required_size(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl Short for EncryptError {
    fn required_size(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}
