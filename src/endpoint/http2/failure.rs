//! What goes wrong with an endpoint over HTTP/2, and whether a request may have been read by then.

use std::io;
use std::time::Duration;

use h2::Reason;
use thiserror::Error;

use super::super::broken_upload::BrokenUpload;
use super::recorded::Record;
use crate::net::DialError;

/// Why there is no connection to ask over.
#[derive(Debug, Error)]
pub enum NotOpened {
    /// There is none at all.
    #[error(transparent)]
    NotReached(#[from] DialError),
    /// The endpoint does not answer.
    #[error("no HTTP/2 from it within connect_timeout")]
    Silent,
    /// The endpoint ended it.
    #[error("it closed a new connection without a word of HTTP/2: {0}")]
    Closed(#[source] io::Error),
    /// What the endpoint says is something else.
    #[error("it does not speak HTTP/2: {0}")]
    Nonsense(#[source] h2::Error),
    /// The endpoint ended one after the other before a request could be sent.
    #[error("it ends each new connection at once")]
    EndedAtOnce,
    /// The endpoint lets no request be sent over it.
    #[error("its MAX_CONCURRENT_STREAMS is 0")]
    NoStreams,
}

/// Why a request has no answer.
#[derive(Debug, Error)]
pub enum StreamFailure {
    /// The client's part of the request did not come.
    #[error(transparent)]
    Client(#[from] BrokenUpload),
    /// The request cannot be said in HTTP/2: our fault.
    #[error("it cannot be said in HTTP/2: {0}")]
    Untranslatable(#[source] h2::Error),
    /// The endpoint ends the connection and has not looked at the request (GOAWAY, RFC 9113 §6.8), or nothing of it was sent.
    #[error("it left the request unread: {0}")]
    Unread(#[source] h2::Error),
    /// The endpoint has not looked at the request (REFUSED_STREAM, RFC 9113 §8.7): it has too many, or wants none.
    #[error("it left the request unread: {0}")]
    RefusedStream(#[source] h2::Error),
    /// The endpoint takes such a request over HTTP/1.1 alone (RFC 9113 §7).
    #[error("it wants the request over HTTP/1.1")]
    Http1Required,
    /// The endpoint answers what HTTP/2 does not know (RFC 9113 §8.6).
    #[error("a 101, which there is none of in HTTP/2")]
    Switched,
    /// The endpoint ended the one stream.
    #[error("it reset the stream: {0}")]
    Reset(Reason),
    /// The endpoint took none of the body for too long.
    #[error("it took none of the body within body_timeout")]
    Stuck,
    /// The endpoint takes nothing that is written.
    #[error("it takes nothing of what is written to it")]
    Stalled,
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Closed(#[source] io::Error),
    /// The endpoint answers no ping any more.
    #[error("no answer to a ping within {} s", .0.as_secs())]
    Dead(Duration),
    /// What the endpoint said makes no sense.
    #[error("what it says makes no sense: {0}")]
    Nonsense(#[source] h2::Error),
}

impl NotOpened {
    /// What an error in the first words of a connection means.
    pub(super) fn of(error: h2::Error, record: &Record) -> Self {
        // One that speaks something else may have ended the connection before it could be told so.
        if !error.is_io() || record.is_nonsense() {
            return Self::Nonsense(error);
        }
        let error = record.take_error().or_else(|| error.into_io());
        Self::Closed(error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))
    }
}

impl StreamFailure {
    /// What an error of a stream, or of the connection under it, means.
    pub(super) fn of(error: h2::Error) -> Self {
        // A stream that the GOAWAY counts as read ends with the connection, by an error of that one: only the others end by this.
        if error.is_remote() && error.is_go_away() {
            return Self::Unread(error);
        }
        match error.reason() {
            Some(Reason::REFUSED_STREAM) if error.is_remote() => Self::RefusedStream(error),
            Some(Reason::HTTP_1_1_REQUIRED) if error.is_remote() => Self::Http1Required,
            Some(reason) if error.is_remote() => Self::Reset(reason),
            _ if !error.is_io() => Self::Nonsense(error),
            _ => match error.into_io() {
                Some(error) if error.kind() == io::ErrorKind::TimedOut => Self::Stalled,
                Some(error) => Self::Closed(error),
                None => Self::Closed(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    /// What an error means by which a stream was not even opened.
    pub(super) fn unopened(error: h2::Error) -> Self {
        // Neither the endpoint's nor the line's: that is what `h2` says of those who use it wrongly.
        let is_ours = error.reason().is_none() && !error.is_io();
        if is_ours { Self::Untranslatable(error) } else { Self::Unread(error) }
    }

    /// Whether the endpoint has read nothing of the request: any may be asked again.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Unread(_) | Self::RefusedStream(_))
    }

    /// Whether asking again costs nobody anything: the endpoint was not asked at all, or says that it ends.
    pub fn is_free(&self) -> bool {
        matches!(self, Self::Unread(_))
    }

    /// Whether the connection ended, and not the one stream.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Self::Stalled | Self::Closed(_) | Self::Dead(_))
    }
}
