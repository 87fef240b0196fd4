//! From the tunnel to whoever puts its messages together: bounded, and the tunnel waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use crate::websocket::{Direction, Extensions};

/// How many bytes wait for a reader at the most; what comes beyond them is missing.
const ROOM: usize = 1024 * 1024;

/// How many pieces wait at the most: small ones cost more than their bytes.
const PIECES: usize = 4096;

/// The tunnel's end of a tap.
#[derive(Debug)]
pub struct Tap {
    sender: Sender<Piece>,
    shared: Arc<Shared>,
}

/// The reader's end.
#[derive(Debug)]
pub struct TapFeed {
    receiver: Receiver<Piece>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// The next piece does not follow the one before.
    has_gap: AtomicBool,
}

/// What passed in one direction by one read.
#[derive(Debug)]
pub struct Piece {
    /// In which.
    pub direction: Direction,
    /// When.
    pub at: Instant,
    /// What the two ends agreed on; `None` where they do not speak WebSocket.
    pub extensions: Option<Extensions>,
    /// How many bytes of a frame's payload are still to come where the piece begins; 0 where a header may.
    pub until_boundary: u64,
    /// The bytes, as they stand on the wire.
    pub bytes: Vec<u8>,
    /// Whether something is missing before it, of either direction.
    pub is_behind_gap: bool,
}

/// Both ends of a tap.
pub fn tap() -> (Tap, TapFeed) {
    let (sender, receiver) = channel(PIECES);
    let shared = Arc::<Shared>::default();
    (Tap { sender, shared: Arc::clone(&shared) }, TapFeed { receiver, shared })
}

impl Tap {
    /// Copies what passed, unless too much waits already.
    pub fn see(
        &self,
        direction: Direction,
        (extensions, until_boundary): (Option<Extensions>, u64),
        bytes: &[u8],
        at: Instant,
    ) {
        if bytes.is_empty() {
            return;
        }
        let Shared { waiting, has_gap } = &*self.shared;
        let has_room = waiting.load(Ordering::Relaxed).saturating_add(bytes.len()) <= ROOM;
        let Some(permit) = has_room.then(|| self.sender.try_reserve().ok()).flatten() else {
            has_gap.store(true, Ordering::Relaxed);
            return;
        };
        waiting.fetch_add(bytes.len(), Ordering::Relaxed);
        let is_behind_gap = has_gap.swap(false, Ordering::Relaxed);
        permit.send(Piece { direction, at, extensions, until_boundary, bytes: bytes.to_vec(), is_behind_gap });
    }

    /// Whether nobody reads any more.
    pub fn is_over(&self) -> bool {
        self.sender.is_closed()
    }
}

impl TapFeed {
    /// The next piece; `None` once the tunnel has ended.
    pub async fn next(&mut self) -> Option<Piece> {
        let piece = self.receiver.recv().await?;
        self.shared.waiting.fetch_sub(piece.bytes.len(), Ordering::Relaxed);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(tap: &Tap, bytes: &[u8]) {
        tap.see(Direction::FromClient, (Some(Extensions::None), 0), bytes, Instant::now());
    }

    #[tokio::test]
    async fn what_finds_no_room_is_missing_and_what_follows_says_so() {
        let (tap, mut feed) = tap();
        let much = vec![0; ROOM / 2];
        for _ in 0..3 {
            see(&tap, &much);
        }
        assert!(!feed.next().await.unwrap().is_behind_gap);
        see(&tap, b"later");
        assert!(!feed.next().await.unwrap().is_behind_gap);
        let later = feed.next().await.unwrap();
        assert_eq!((&*later.bytes, later.is_behind_gap), (&b"later"[..], true));
        see(&tap, b"last");
        assert!(!feed.next().await.unwrap().is_behind_gap, "nothing is missing there");
        for _ in 0..=PIECES {
            see(&tap, b"x");
        }
        assert!(tap.shared.has_gap.load(Ordering::Relaxed), "small ones have no room either");
        drop(feed);
        assert!(tap.is_over());
    }
}
