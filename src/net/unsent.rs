//! What is to be written to a stream that is in other hands, as far as the stream has not taken it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Whether something that was to be written is not taken yet; and what is to be said aside, between two messages of the one
/// who has the stream in his hands.
#[derive(Clone, Debug, Default)]
pub struct Unsent(Arc<UnsentState>);

#[derive(Debug, Default)]
struct UnsentState {
    /// The stream did not take all of the last write.
    is_held_back: AtomicBool,
    /// The peer took nothing for as long as it may.
    has_stalled: AtomicBool,
    /// `aside` is not empty: what every flush asks.
    has_aside: AtomicBool,
    aside: Mutex<Aside>,
}

#[derive(Debug, Default)]
struct Aside {
    bytes: Vec<u8>,
    /// A part of what is said is out, so the rest comes before anything else.
    is_begun: bool,
}

impl Unsent {
    /// Whether it still holds something back.
    pub fn is_some(&self) -> bool {
        self.0.is_held_back.load(Ordering::Relaxed) || self.has_aside()
    }

    /// Whether the stream was given up, since the peer took nothing.
    pub fn has_stalled(&self) -> bool {
        self.0.has_stalled.load(Ordering::Relaxed)
    }

    /// Whether something said aside is not written yet.
    pub fn has_aside(&self) -> bool {
        self.0.has_aside.load(Ordering::Relaxed)
    }

    /// Has `bytes` written at the next flush of the stream. Once 16 KiB wait, what is said is lost: returns
    /// whether it is not. Whoever drives the stream is not woken.
    pub fn say_aside(&self, bytes: &[u8]) -> bool {
        let mut aside = self.aside();
        if aside.bytes.len() + bytes.len() > MAX_ASIDE {
            return false;
        }
        aside.bytes.extend_from_slice(bytes);
        self.0.has_aside.store(!aside.bytes.is_empty(), Ordering::Relaxed);
        true
    }

    pub(super) fn note_held_back(&self, is_held_back: bool) {
        self.0.is_held_back.store(is_held_back, Ordering::Relaxed);
    }

    pub(super) fn note_stalled(&self) {
        self.0.has_stalled.store(true, Ordering::Relaxed);
    }

    /// Writes what is said aside. The task is woken once that is out, for somebody in it may wait for that.
    pub(super) fn poll_say_aside<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_aside() {
            return Poll::Ready(Ok(()));
        }
        let mut aside = self.aside();
        while !aside.bytes.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, &aside.bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => drop(aside.bytes.drain(..count)),
            }
            aside.is_begun = true;
        }
        *aside = Aside::default();
        self.0.has_aside.store(false, Ordering::Relaxed);
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(()))
    }

    /// Writes the rest of what is begun: it must not stand in the middle of something else.
    pub(super) fn poll_finish_aside<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let is_begun = self.has_aside() && self.aside().is_begun;
        if is_begun { self.poll_say_aside(stream, cx) } else { Poll::Ready(Ok(())) }
    }

    fn aside(&self) -> MutexGuard<'_, Aside> {
        self.0.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much may wait to be said aside, in bytes.
const MAX_ASIDE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::Guarded;
    use super::*;

    #[tokio::test]
    async fn what_is_said_aside_stands_between_two_messages() {
        // A stream that takes so many bytes at a time: whatever is cut, and wherever.
        for room in 1..16 {
            let (ours, mut theirs) = duplex(room);
            let unsent = Unsent::default();
            let mut stream = Guarded::telling(ours, Duration::from_secs(1), unsent.clone(), |_| None);
            let mut written = Vec::new();
            let mut say = async |stream: &mut Guarded<_>, text: &[u8]| {
                let mut read = vec![0; text.len()];
                let write = async {
                    stream.write_all(text).await.unwrap();
                    stream.flush().await.unwrap();
                };
                // Of the two the reader may have to wait for the flush of what is said aside.
                tokio::join!(write, async { theirs.read_exact(&mut read).await.unwrap() });
                written.extend_from_slice(&read);
            };
            say(&mut stream, b"first ").await;
            assert!(!unsent.is_some());
            assert!(unsent.say_aside(b"aside ") && unsent.is_some());
            // The flush is cut wherever the stream is full, and then a message is to be written.
            let _ = stream.flush().now_or_never();
            let rest = async {
                stream.write_all(b"second ").await.unwrap();
                stream.flush().await.unwrap();
            };
            let mut read = [0; 13];
            tokio::join!(rest, async { theirs.read_exact(&mut read).await.unwrap() });
            assert_eq!((&written[..], &read[..]), (&b"first "[..], &b"aside second "[..]), "{room} bytes at a time");
            assert!(!unsent.is_some());
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let unsent = Unsent::default();
        assert!(unsent.say_aside(&vec![0; MAX_ASIDE - 1]));
        assert!(!unsent.say_aside(b"ab"));
        assert!(unsent.say_aside(b"a"));
        assert!(!unsent.say_aside(b"a"));
    }
}
