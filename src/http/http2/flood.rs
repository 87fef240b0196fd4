//! What a client's frames cost beyond what they carry: a budget for each kind, and what is beyond it is a flood.
//!
//! Requests and what they carry are paid for by others (the streams that may be open, windows, deadlines). Here is counted what is
//! free: frames that ask for an answer of the connection or that say nothing (SETTINGS, PING, PRIORITY, CONTINUATION, empty or
//! padded DATA, kinds that nobody knows), windows that are opened, streams that are reset. An honest client opens windows for what
//! it was sent, so each DATA of ours pays for three. Nothing is answered beyond a budget, and nothing is read.
//!
//! No allocation and no clock: bytes and `now` in, a verdict out.

use thiserror::Error;
use tokio::time::Instant;

use super::frame_heads::{FrameHead, FrameHeads};

/// Counts what passes in both directions of a client's connection.
#[derive(Debug)]
pub struct FloodMeter {
    from_client: FrameHeads,
    to_client: FrameHeads,
    resets: Budget,
    control: Budget,
    windows: Budget,
}

/// Of what there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Flood {
    /// Of streams that the client resets (CVE-2023-44487).
    #[error("too many streams were reset")]
    Resets,
    /// Of frames that carry nothing.
    #[error("too many frames carried nothing")]
    Control,
    /// Of windows that are opened for nothing.
    #[error("too many windows were opened for nothing")]
    Windows,
}

/// So many at once, and so many a second.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// What is left of a rate.
#[derive(Debug)]
struct Budget {
    rate: Rate,
    left: u32,
    since: Instant,
}

impl FloodMeter {
    /// That of a connection that begins `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            from_client: FrameHeads::behind(PREFACE.len()),
            to_client: FrameHeads::behind(0),
            resets: Budget::new(RESETS, now),
            control: Budget::new(CONTROL, now),
            windows: Budget::new(WINDOWS, now),
        }
    }

    /// Counts what has come.
    ///
    /// # Errors
    /// There is too much of something.
    pub fn note_received(&mut self, bytes: &[u8], now: Instant) -> Result<(), Flood> {
        let Self { from_client, resets, control, windows, .. } = self;
        let mut flood = None;
        from_client.read(bytes, |head| {
            let (budget, kind) = match cost(head) {
                Some(Flood::Resets) => (&mut *resets, Flood::Resets),
                Some(Flood::Control) => (&mut *control, Flood::Control),
                Some(Flood::Windows) => (&mut *windows, Flood::Windows),
                None => return,
            };
            if !budget.take(now) {
                flood.get_or_insert(kind);
            }
        });
        flood.map_or(Ok(()), Err)
    }

    /// Counts what was sent.
    pub fn note_sent(&mut self, bytes: &[u8]) {
        let Self { to_client, control, windows, .. } = self;
        to_client.read(bytes, |head| {
            if head.kind == DATA {
                windows.earn(PER_DATA);
                control.earn(1);
            }
        });
    }
}

/// What a client's frame is paid from, if it is not paid for already.
fn cost(head: FrameHead) -> Option<Flood> {
    match head.kind {
        DATA if head.has(END_STREAM) => None,
        DATA if head.has(PADDED) && head.length <= MOST_PADDING || head.length == 0 => Some(Flood::Control),
        DATA | HEADERS => None,
        // An answer to one of ours is asked for.
        SETTINGS | PING if head.has(ACK) => None,
        RST_STREAM => Some(Flood::Resets),
        WINDOW_UPDATE => Some(Flood::Windows),
        _ => Some(Flood::Control),
    }
}

impl Budget {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, since: now }
    }

    /// Takes one, if there is one left.
    fn take(&mut self, now: Instant) -> bool {
        if self.left == 0 {
            self.refill(now);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    /// Puts in what the time since the last has brought.
    fn refill(&mut self, now: Instant) {
        let Rate { burst, per_second } = self.rate;
        let passed = u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let brought = passed.saturating_mul(per_second.into()) / 1000;
        let brought = u32::try_from(brought).unwrap_or(u32::MAX).min(burst);
        if brought > 0 {
            (self.left, self.since) = (brought, now);
        }
    }

    /// Something else pays for more.
    fn earn(&mut self, count: u32) {
        self.left = self.left.saturating_add(count).min(MOST_EARNED.max(self.rate.burst));
    }
}

/// What a client says first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A page that is left resets whatever it had open, twice the streams of a connection; no more than a hundred a second go on.
const RESETS: Rate = Rate { burst: 1024, per_second: 100 };

/// Browsers begin with a dozen; gRPC pings with each round trip of a transfer, which pays for that.
const CONTROL: Rate = Rate { burst: 1024, per_second: 100 };

/// Windows that nothing was sent through.
const WINDOWS: Rate = Rate { burst: 4096, per_second: 1000 };

/// One DATA of ours may open the window of its stream, that of the connection, and one more.
const PER_DATA: u32 = 3;

/// What was sent is opened for no later than a window's time.
const MOST_EARNED: u32 = 1 << 17;

/// All of a DATA of this length may be padding.
const MOST_PADDING: usize = 256;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const PADDED: u8 = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PRIORITY: u8 = 2;
    const CONTINUATION: u8 = 9;
    const UNKNOWN: u8 = 77;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(9 + usize::from(length), 0);
        frame
    }

    fn begun() -> (FloodMeter, Instant) {
        let now = Instant::now();
        let mut meter = FloodMeter::new(now);
        assert_eq!(meter.note_received(PREFACE, now), Ok(()));
        (meter, now)
    }

    /// How many of these in one moment are too many, and what they are then.
    fn most(frame: &[u8]) -> Option<(usize, Flood)> {
        let (mut meter, now) = begun();
        (1..20_000).find_map(|count| Some((count, meter.note_received(frame, now).err()?)))
    }

    #[test]
    fn what_carries_nothing_has_a_budget() {
        for (kind, flags, length) in [
            (SETTINGS, 0, 6),
            (PING, 0, 8),
            (PRIORITY, 0, 5),
            (CONTINUATION, 0, 1),
            (UNKNOWN, 0, 3),
            (DATA, 0, 0),
            (DATA, PADDED, 200),
        ] {
            assert_eq!(most(&frame(kind, flags, length)), Some((1025, Flood::Control)), "{kind}");
        }
        assert_eq!(most(&frame(RST_STREAM, 0, 4)), Some((1025, Flood::Resets)));
        assert_eq!(most(&frame(WINDOW_UPDATE, 0, 4)), Some((4097, Flood::Windows)));
        for (kind, flags, length) in
            [(DATA, 0, 8), (DATA, END_STREAM, 0), (HEADERS, 4, 20), (SETTINGS, ACK, 0), (PING, ACK, 8)]
        {
            assert_eq!(most(&frame(kind, flags, length)), None, "{kind}");
        }
    }

    #[test]
    fn time_brings_more_and_no_more_than_at_first() {
        let (mut meter, now) = begun();
        let ping = frame(PING, 0, 8);
        let take =
            |meter: &mut FloodMeter, now| (0..3000).take_while(|_| meter.note_received(&ping, now).is_ok()).count();
        assert_eq!(take(&mut meter, now), 1024);
        assert_eq!(take(&mut meter, now + Duration::from_secs(1)), 100);
        assert_eq!(take(&mut meter, now + Duration::from_secs(3600)), 1024);
    }

    #[test]
    fn windows_that_are_opened_for_what_was_sent_are_no_flood() {
        let (mut meter, now) = begun();
        // 256 tunnels, each sent a hundred messages a second for a minute, in one moment: both windows are opened for each.
        let (sent, opened) = (frame(DATA, 0, 66), frame(WINDOW_UPDATE, 0, 4));
        for _ in 0..256 * 100 * 60 {
            meter.note_sent(&sent);
            assert_eq!(meter.note_received(&opened, now), Ok(()));
            assert_eq!(meter.note_received(&opened, now), Ok(()));
        }
        assert_eq!(
            meter.note_received(&opened.repeat(1 << 18), now),
            Err(Flood::Windows),
            "what was earned is bounded"
        );
    }
}
