//! A meter for compressed messages: counts what they inflate to, and throws the output away (RFC 7692).
//!
//! It watches the frames of one direction as the inspector's [`Observe`], so that a message that inflates beyond the limit is
//! stopped before the other side has to unpack it. Nothing of the stream is changed: payload is unmasked into a scratch that the
//! worker lends. Work is bounded: when the budget of a scan is used up the scan pauses, and the bytes that were not metered
//! do not pass before they are.

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};

use super::direction::Direction;
use super::extensions::DeflateParameters;
use super::header::{Header, apply_mask};
use super::observe::Observe;
use super::violation::Violation;
use crate::ranges::within;

/// What the sender cuts off the end of each compressed message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// What the end of a deflate stream costs of the budget: starting the next one is work that yields no output.
const RESTART_COST: usize = 1024;

/// The meter of one direction.
///
/// It holds 47.7 kB on the heap (`cargo bench` measures it) from the first compressed message on, whatever window was agreed on;
/// without context takeover only while a compressed message is under way.
#[derive(Debug)]
pub struct InflateMeter {
    /// Bytes that one message may have after decompression.
    max: u64,
    /// Bytes of the current message so far, after decompression.
    size: u64,
    /// The state of decompression; there once it is needed.
    inflate: Option<Decompress>,
    /// What came so far is not known: compressed messages count for what they are on the wire.
    is_blind: bool,
    takeover: ContextTakeover,
    message: MessageCoding,
    /// The masking key of the current frame, turned to the next payload byte.
    mask: Option<[u8; 4]>,
}

/// What a worker lends to its meters: nothing in it outlives a call.
pub struct MeterScratch {
    /// Payload, unmasked.
    input: [u8; 4 * 1024],
    /// What it inflates to.
    output: [u8; 16 * 1024],
}

/// A meter with all it needs for one scan.
pub struct Metering<'a> {
    meter: &'a mut InflateMeter,
    scratch: &'a mut MeterScratch,
    /// Bytes of output that are still to be produced in this scan.
    budget: usize,
}

/// Whether a message may refer to the ones before it (RFC 7692 §7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContextTakeover {
    Context,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum MessageCoding {
    Plain,
    Compressed,
}

impl InflateMeter {
    /// A meter for what one side sends; a message may have `max` bytes after decompression.
    pub fn new(direction: Direction, parameters: &DeflateParameters, max: u64) -> Self {
        let no_takeover = match direction {
            Direction::FromClient => parameters.client_no_context_takeover,
            Direction::FromUpstream => parameters.server_no_context_takeover,
        };
        let takeover = if no_takeover { ContextTakeover::None } else { ContextTakeover::Context };
        Self { max, size: 0, inflate: None, is_blind: false, takeover, message: MessageCoding::Plain, mask: None }
    }

    /// The observer for one scan. It pauses the scan once `budget` bytes of output were produced, give or take the 16 KiB of the
    /// scratch; at least one byte makes sure of progress.
    pub fn observe<'a>(&'a mut self, scratch: &'a mut MeterScratch, budget: usize) -> Metering<'a> {
        Metering { meter: self, scratch, budget }
    }

    /// Adds to the current message.
    fn count(&mut self, bytes: usize) -> Result<(), Violation> {
        self.size = self.size.saturating_add(bytes as u64);
        if self.size > self.max { Err(Violation::InflatedTooBig(self.max)) } else { Ok(()) }
    }
}

impl MeterScratch {
    /// A scratch for one worker: 20 KiB.
    pub fn new() -> Box<Self> {
        Box::new(Self { input: [0; 4 * 1024], output: [0; 16 * 1024] })
    }
}

impl Metering<'_> {
    /// Meters compressed payload until the budget is used up; returns how much of it.
    fn meter(&mut self, payload: &[u8]) -> Result<usize, Violation> {
        let mut taken = 0;
        while let (Some(rest), true) = (payload.get(taken..).filter(|rest| !rest.is_empty()), self.budget > 0) {
            let chunk = match self.meter.mask {
                None => Chunk::Plain(rest),
                Some(mask) => Chunk::Masked(rest, mask),
            };
            let consumed = self.inflate(chunk)?;
            if let Some(mask) = &mut self.meter.mask {
                mask.rotate_left(consumed % 4);
            }
            taken += consumed;
        }
        Ok(taken)
    }

    /// Meters what is left of the message: at most what 64 bits can inflate to, so there is no need for a budget.
    fn finish(&mut self) -> Result<(), Violation> {
        let mut tail = TAIL.as_slice();
        loop {
            let before = self.meter.size;
            let consumed = self.inflate(Chunk::Plain(tail))?;
            tail = within(tail, consumed..);
            let produced = self.meter.size - before;
            if tail.is_empty() && produced < self.scratch.output.len() as u64 {
                break;
            }
        }
        if self.meter.takeover == ContextTakeover::None {
            self.meter.inflate = None;
        }
        Ok(())
    }

    /// One step of decompression; returns how much of the input it consumed.
    fn inflate(&mut self, chunk: Chunk<'_>) -> Result<usize, Violation> {
        let input = match chunk {
            Chunk::Plain(input) => input,
            Chunk::Masked(payload, mask) => {
                let size = payload.len().min(self.scratch.input.len());
                let (input, _) = self.scratch.input.split_at_mut(size);
                input.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
                apply_mask(input, mask, 0);
                input
            }
        };
        let inflate = self.meter.inflate.get_or_insert_with(|| Decompress::new(false));
        let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(input, &mut self.scratch.output, FlushDecompress::None)
            .map_err(|_| Violation::DeflateCorrupt)?;
        let consumed = usize::try_from(inflate.total_in() - total_in).unwrap_or(usize::MAX);
        let produced = usize::try_from(inflate.total_out() - total_out).unwrap_or(usize::MAX);
        if status == Status::StreamEnd {
            // A block marked as the last one does not end the message (RFC 7692 §7.2.3.4). What comes after it cannot refer to what
            // came before it; no known sender does both.
            inflate.reset(false);
            self.budget = self.budget.saturating_sub(RESTART_COST);
        } else if consumed == 0 && produced == 0 && !input.is_empty() {
            return Err(Violation::DeflateCorrupt);
        }
        self.budget = self.budget.saturating_sub(produced);
        self.meter.count(produced)?;
        Ok(consumed)
    }
}

/// Compressed bytes, as they stand on the wire.
enum Chunk<'a> {
    Plain(&'a [u8]),
    Masked(&'a [u8], [u8; 4]),
}

impl Observe for Metering<'_> {
    fn on_frame(&mut self, header: &Header) {
        self.meter.mask = header.mask;
        if header.opcode != Header::CONTINUATION {
            self.meter.size = 0;
            self.meter.message =
                if header.rsv & Header::RSV1 == 0 { MessageCoding::Plain } else { MessageCoding::Compressed };
        }
    }

    fn on_payload(&mut self, payload: &[u8], last: bool) -> Result<usize, Violation> {
        if self.meter.message == MessageCoding::Plain || self.meter.is_blind {
            // The next message refers to nothing before it, where that was agreed on.
            self.meter.is_blind &= !(last && self.meter.takeover == ContextTakeover::None);
            self.meter.count(payload.len())?;
            return Ok(payload.len());
        }
        let taken = self.meter(payload)?;
        if last && taken == payload.len() {
            self.finish()?;
        }
        Ok(taken)
    }
}

pub(super) mod frozen;
#[cfg(test)]
mod tests;
