//! What a client of HTTP/2 sends, counted: the same, however it is cut.

use tokio::time::Instant;
use windlass::http::http2::flood::{Flood, FloodMeter};

/// However a client's bytes are cut, the same of them is a flood, or none is. They come again and again, for a flood is long.
///
/// The first byte chooses how they are cut.
pub fn flood(data: &[u8]) {
    let Some((&step, once)) = data.split_first() else { return };
    let (now, stream) = (Instant::now(), once.repeat(64));
    let verdict = |step: usize| -> Result<(), Flood> {
        let mut meter = FloodMeter::new(now);
        stream.chunks(step).try_for_each(|piece| {
            meter.note_sent(piece);
            meter.note_received(piece, now)
        })
    };
    let received = |step: usize| -> Result<(), Flood> {
        let mut meter = FloodMeter::new(now);
        stream.chunks(step).try_for_each(|piece| meter.note_received(piece, now))
    };
    let whole = received(usize::MAX);
    assert_eq!(received(1), whole);
    assert_eq!(received(usize::from(step) + 2), whole);
    // What is sent pays for more, and never for less.
    assert!(whole.is_err() || verdict(usize::from(step) + 2).is_ok());
}
