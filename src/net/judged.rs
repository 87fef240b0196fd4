//! A stream under a parser of HTTP/1, which reads of it only what can be read in one way.
//!
//! It is given one message at a time: what came behind the end of the one at hand waits here, for the next may be none of HTTP.

use std::error::Error;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Unsent;
use crate::judge::{Asked, Flaw, Judge, Limits, Then};
use crate::ranges::within;

/// A stream whose bytes are judged as they are read; a read that would give what must not pass fails ([`flaw_of`]).
#[derive(Debug)]
pub struct Judged<S> {
    stream: S,
    judge: Judge,
    side: JudgedSide,
    /// What was read behind the end of the message at hand, the next byte first.
    held: BytesMut,
    found: Option<FoundFlaw>,
}

/// Whose messages are read.
#[derive(Debug)]
enum JudgedSide {
    /// A client's. A flaw is not told before everything of earlier answers is out: whoever learns of it may end the stream.
    Client { unsent: Unsent, is_flaw_kept: bool },
    /// An endpoint's.
    Endpoint(NextAnswer),
}

/// Tells whoever reads answers what the next one is to.
#[derive(Clone, Debug, Default)]
pub struct NextAnswer(Arc<AtomicU8>);

/// What was wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundFlaw {
    /// What it is.
    pub flaw: Flaw,
    /// It is in a head, so nobody has had that message yet.
    pub is_in_head: bool,
}

/// A stream that is judged no more.
#[derive(Debug)]
pub struct Unjudged<S> {
    /// The stream as it was given.
    pub stream: S,
    /// What was read of it behind the end of the last message.
    pub held: BytesMut,
    /// What was wrong, if anything was.
    pub found: Option<FoundFlaw>,
}

impl<S> Judged<S> {
    /// For the requests of a client; `unsent` tells what of the answers is not taken yet.
    pub fn requests(stream: S, limits: Limits, unsent: Unsent) -> Self {
        let side = JudgedSide::Client { unsent, is_flaw_kept: false };
        Self { stream, judge: Judge::of_requests(limits), side, held: BytesMut::new(), found: None }
    }

    /// For the answers of an endpoint, and what is told of their requests.
    pub fn answers(stream: S) -> (Self, NextAnswer) {
        let next = NextAnswer::default();
        let side = JudgedSide::Endpoint(next.clone());
        (Self { stream, judge: Judge::of_answers(), side, held: BytesMut::new(), found: None }, next)
    }

    /// Lets go of the stream.
    pub fn into_parts(self) -> Unjudged<S> {
        let Self { stream, held, found, .. } = self;
        Unjudged { stream, held, found }
    }

    /// How much of what was read may be read by a parser now: as long as there is no flaw at its very beginning, not nothing.
    fn judge(&mut self, read: &[u8], from: ReadFrom) -> Result<usize, Flaw> {
        if self.judge.is_between()
            && let JudgedSide::Endpoint(next) = &self.side
        {
            match (next.asked(), from) {
                (Some(_), ReadFrom::Held) => return Err(Flaw::UnaskedAnswer),
                (Some(asked), ReadFrom::Stream) => self.judge.expect(asked),
                // Nobody reads that for an answer: its parser ends the connection.
                (None, _) => return Ok(read.len()),
            }
        }
        let scan = self.judge.scan(read);
        match (scan.then, &self.side) {
            (Then::MessageEnds, JudgedSide::Endpoint(next)) => next.note_over(),
            (Then::MessageEnds, JudgedSide::Client { .. }) | (Then::Exhausted, _) => {}
            (Then::Flawed(flaw), _) if scan.passed == 0 => return Err(flaw),
            (Then::Flawed(flaw), _) => self.note(flaw),
        }
        Ok(scan.passed)
    }

    fn note(&mut self, flaw: Flaw) {
        self.found = Some(FoundFlaw { flaw, is_in_head: self.judge.is_in_head() });
    }

    /// Tells of a flaw, as soon as that hurts nobody.
    fn poll_tell(&mut self, flaw: Flaw) -> Poll<io::Result<()>> {
        if let JudgedSide::Client { unsent, is_flaw_kept } = &mut self.side {
            *is_flaw_kept = unsent.is_some();
            if *is_flaw_kept {
                return Poll::Pending;
            }
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, flaw)))
    }

    /// Something was written: a flaw that was kept back for it may be told now.
    fn note_written(&self, cx: &Context<'_>) {
        if let JudgedSide::Client { unsent, is_flaw_kept: true } = &self.side
            && !unsent.is_some()
        {
            cx.waker().wake_by_ref();
        }
    }
}

/// Where something was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadFrom {
    Stream,
    /// It came together with the message before.
    Held,
}

impl NextAnswer {
    /// A request is about to be sent.
    pub fn note_asked(&self, asked: Asked) {
        let word = match asked {
            Asked::ForAll => FOR_ALL,
            Asked::ForHead => FOR_HEAD,
        };
        self.0.store(word, Ordering::Relaxed);
    }

    /// What the answer at hand, or the next one, is to.
    fn asked(&self) -> Option<Asked> {
        match self.0.load(Ordering::Relaxed) {
            FOR_ALL => Some(Asked::ForAll),
            FOR_HEAD => Some(Asked::ForHead),
            _ => None,
        }
    }

    /// The answer is whole.
    fn note_over(&self) {
        self.0.store(NOT_ASKED, Ordering::Relaxed);
    }
}

const NOT_ASKED: u8 = 0;
const FOR_ALL: u8 = 1;
const FOR_HEAD: u8 = 2;

/// The flaw that a parser's error comes from, if it comes from one.
pub fn flaw_of(error: &(dyn Error + 'static)) -> Option<Flaw> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        if let Some(flaw) = inner.and_then(|inner| inner.downcast_ref::<Flaw>()) {
            return Some(*flaw);
        }
        cause = error.source();
    }
    None
}

impl<S: AsyncRead + Unpin> AsyncRead for Judged<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(FoundFlaw { flaw, .. }) = this.found {
            return this.poll_tell(flaw);
        }
        let outcome = if this.held.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let outcome = this.judge(within(buf.filled(), before..), ReadFrom::Stream);
            let end = before + outcome.unwrap_or_default();
            if this.found.is_none() {
                this.held.extend_from_slice(within(buf.filled(), end..));
            }
            buf.set_filled(end);
            outcome
        } else {
            let mut held = mem::take(&mut this.held);
            let read = within(&held, ..held.len().min(buf.remaining()));
            let outcome = this.judge(read, ReadFrom::Held);
            buf.put_slice(&held.split_to(outcome.unwrap_or_default()));
            this.held = held;
            outcome
        };
        match outcome {
            Ok(_) => Poll::Ready(Ok(())),
            Err(flaw) => {
                this.note(flaw);
                this.poll_tell(flaw)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Judged<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_written(cx);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.note_written(cx);
        outcome
    }

    /// Of a client whose head has a flaw, the end comes behind the answer to that.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_unanswered = self.found.is_some_and(|found| found.is_in_head);
        if matches!(self.side, JudgedSide::Client { .. }) && is_unanswered {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_written(cx);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, sink};

    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const LIMITS: Limits = Limits { head: 1000, lines: 10, line: 100, target: 100 };

    fn requests() -> (Judged<DuplexStream>, DuplexStream, Unsent) {
        let (ours, theirs) = duplex(1000);
        let unsent = Unsent::default();
        (Judged::requests(ours, LIMITS, unsent.clone()), theirs, unsent)
    }

    /// What one read gives, in room for so many bytes; `None` if it waits.
    fn read(stream: &mut Judged<DuplexStream>, room: usize) -> Option<Result<String, Flaw>> {
        let mut buffer = vec![0; room];
        let read = stream.read(&mut buffer).now_or_never()?;
        Some(match read {
            Ok(count) => Ok(String::from_utf8(buffer[..count].to_vec()).unwrap()),
            Err(error) => Err(flaw_of(&error).unwrap()),
        })
    }

    #[tokio::test]
    async fn a_message_is_read_at_a_time_and_what_follows_it_is_held() {
        let (mut stream, mut client, _) = requests();
        let (begin, end) = ("POST ", "/ HTTP/1.1\r\nContent-Length: 2\r\n\r\nok");
        client.write_all(format!("{GET}{begin}{end}\x01\0").as_bytes()).await.unwrap();
        assert_eq!(read(&mut stream, 500), Some(Ok(GET.into())));
        assert_eq!(read(&mut stream, 5), Some(Ok(begin.into())));
        assert_eq!(read(&mut stream, 500), Some(Ok(end.into())));
        let Unjudged { held, found, .. } = stream.into_parts();
        assert_eq!((&held[..], found), (&b"\x01\0"[..], None));
    }

    #[tokio::test]
    async fn what_stands_before_a_flaw_is_read_and_the_flaw_is_told_then() {
        let (mut stream, mut client, _) = requests();
        client.write_all(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut stream, 500), Some(Ok("GET / HTTP/1.1\r\n".into())));
        for _ in 0..2 {
            assert_eq!(read(&mut stream, 500), Some(Err(Flaw::SpaceInName)));
        }
        let expected = FoundFlaw { flaw: Flaw::SpaceInName, is_in_head: true };
        assert_eq!(stream.into_parts().found, Some(expected));
    }

    #[tokio::test]
    async fn a_flaw_waits_until_the_answer_before_it_is_out() {
        let (mut stream, mut client, unsent) = requests();
        client.write_all(b"\n").await.unwrap();
        assert!(unsent.say_aside(b"answer"));
        assert_eq!(read(&mut stream, 500), None);
        assert_eq!(read(&mut stream, 500), None);
        let waker = Waker::noop();
        assert!(unsent.poll_say_aside(&mut sink(), &mut Context::from_waker(waker)).is_ready());
        stream.flush().await.unwrap();
        assert_eq!(read(&mut stream, 500), Some(Err(Flaw::BareLf)));
    }

    #[tokio::test]
    async fn an_answer_needs_a_request() {
        let (ours, mut endpoint) = duplex(1000);
        let (mut stream, next) = Judged::answers(ours);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        next.note_asked(Asked::ForHead);
        endpoint.write_all(format!("{answer}ok\n").as_bytes()).await.unwrap();
        assert_eq!(read(&mut stream, 500), Some(Ok(answer.into())));
        // Whoever reads on while nobody has asked finds what is no answer.
        assert_eq!(read(&mut stream, 1), Some(Ok("o".into())));
        next.note_asked(Asked::ForAll);
        assert_eq!(read(&mut stream, 500), Some(Err(Flaw::UnaskedAnswer)));
    }

    #[test]
    fn other_errors_come_from_no_flaw() {
        assert_eq!(flaw_of(&io::Error::from(io::ErrorKind::InvalidData)), None);
        assert_eq!(flaw_of(&io::Error::other("text")), None);
    }
}
