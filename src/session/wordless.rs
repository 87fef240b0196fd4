//! A client's stream under hyper that keeps back what hyper answers by itself to a head that it cannot read.
//!
//! That answer has a status and no word why. It is written between two requests, where nothing else is, and is the last thing
//! that hyper writes: so it is known by its place and its form, and whoever learns from hyper what was wrong can say more.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::ReadActivity;

/// A stream from which an answer without a word is kept back.
#[derive(Debug)]
pub(super) struct Wordless<S> {
    stream: S,
    /// Whether the head of a request was understood, and its answer is what is written.
    heard: ReadActivity,
    /// What was kept back.
    kept: Option<Box<str>>,
}

impl<S> Wordless<S> {
    /// Keeps back what is written to `stream` while no head that was heard is understood.
    pub(super) fn new(stream: S, heard: ReadActivity) -> Self {
        Self { stream, heard, kept: None }
    }

    /// The stream as it was given, and the answer that is still to be written, if one was kept back.
    pub(super) fn into_parts(self) -> (S, Option<Box<str>>) {
        (self.stream, self.kept)
    }

    /// Whether these bytes are kept back.
    fn keeps(&mut self, bytes: &[u8]) -> bool {
        if self.heard.is_understood() {
            return false;
        }
        self.kept = str::from_utf8(bytes).ok().filter(|text| is_wordless(text)).map(Into::into);
        self.kept.is_some()
    }
}

/// The answer that was kept back, with its status and `words` as its body; nothing where there is none.
pub(super) fn with_words(answer: &str, words: &str) -> String {
    if answer.is_empty() {
        return String::new();
    }
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let text = format!("{status} {words}\n");
    let about = format!("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n", text.len());
    answer.replacen(NO_WORDS, &about, 1) + &text
}

/// Whether this is the whole of an answer that a client's fault has, with an empty body.
fn is_wordless(text: &str) -> bool {
    let is_refusal =
        text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(1..)).is_some_and(|rest| rest.starts_with(" 4"));
    is_refusal && text.contains(NO_WORDS) && text.find(END) == text.len().checked_sub(END.len())
}

const NO_WORDS: &str = "\r\nContent-Length: 0\r\n";
const END: &str = "\r\n\r\n";

impl<S: AsyncRead + Unpin> AsyncRead for Wordless<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wordless<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.keeps(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// The end comes behind what was kept back.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.kept.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bufs
            && self.keeps(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use tokio::io::AsyncWriteExt;

    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\nDate: x\r\n\r\n";

    /// What goes through of these writes, and what is kept back.
    async fn written(heard: &ReadActivity, writes: &[&[u8]]) -> (Vec<u8>, Option<Box<str>>) {
        let mut stream = Wordless::new(Vec::new(), heard.clone());
        for bytes in writes {
            stream.write_all(bytes).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        stream.into_parts()
    }

    #[tokio::test]
    async fn an_answer_to_what_was_not_understood_is_kept_back() {
        let heard = ReadActivity::default();
        assert_eq!(written(&heard, &[BARE.as_bytes()]).await, (vec![], Some(BARE.into())));
        heard.note_understood();
        assert_eq!(written(&heard, &[BARE.as_bytes()]).await, (BARE.into(), None));
        heard.forget();
        assert_eq!(written(&heard, &[BARE.as_bytes()]).await, (vec![], Some(BARE.into())));
        let mut stream = Wordless::new(Vec::new(), heard);
        assert_eq!(stream.write_vectored(&[IoSlice::new(BARE.as_bytes())]).await.unwrap(), BARE.len());
        assert_eq!(stream.into_parts(), (vec![], Some(BARE.into())));
    }

    #[tokio::test]
    async fn nothing_but_such_an_answer_is_kept_back() {
        let (most, end) = BARE.split_at(BARE.len() - 1);
        let late = format!("{}{end}", most.trim_start_matches('H'));
        let twice = BARE.repeat(2);
        let success = BARE.replace("400", "200");
        let long = BARE.replace(": 0", ": 7");
        for other in [most, &late, &twice, &success, &long, "", "HTTP/1.", "HTTP/1.1"] {
            assert_eq!(written(&ReadActivity::default(), &[other.as_bytes()]).await, (other.into(), None), "{other}");
        }
        assert_eq!(written(&ReadActivity::default(), &[b"HTTP/1.1 4\xff"]).await.1, None);
    }

    #[test]
    fn words_are_as_long_as_they_say() {
        let expected = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Length: 8\r\nDate: x\r\n\r\n400 why\n";
        assert_eq!(with_words(BARE, "why"), expected);
    }
}
