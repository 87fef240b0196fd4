//! What a TLS stream fails with.

use std::io;

use thiserror::Error;

/// Why there is no TLS stream, or why one goes on no more. It is the peer's fault but where a variant says otherwise.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The peer speaks HTTP in plain. A client has been sent nothing.
    #[error("it speaks HTTP without TLS")]
    PlainHttp,
    /// The handshake was not over within its limit.
    #[error("timed out")]
    TimedOut,
    /// No turn came for the handshake within its limit: our fault.
    #[error("too many handshakes were before it")]
    NoTurn,
    /// The peer has ended the connection, or it was cut, before the handshake was over.
    #[error("the connection ended in the middle of the TLS handshake")]
    EndedInHandshake,
    /// The connection ended without the peer's close_notify: somebody may have cut it.
    #[error("the connection ended without a close_notify")]
    Truncated,
    /// What came is no TLS, or breaks it, or is the peer's refusal, or what a server shows is refused; unless it was the first to say so, it has been sent an
    /// alert. Only [`rustls::Error::General`] is a mistake of ours.
    #[error("{0}")]
    Records(#[source] rustls::Error),
    /// The configuration makes no connection: our fault.
    #[error("{0}")]
    Configuration(#[source] rustls::Error),
    /// The connection failed: nobody's fault that we know of.
    #[error("{0}")]
    Socket(#[from] io::Error),
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error {
            TlsError::PlainHttp => io::ErrorKind::Unsupported,
            TlsError::TimedOut | TlsError::NoTurn => io::ErrorKind::TimedOut,
            TlsError::EndedInHandshake | TlsError::Truncated => io::ErrorKind::UnexpectedEof,
            TlsError::Records(_) => io::ErrorKind::InvalidData,
            TlsError::Configuration(_) => io::ErrorKind::Other,
            TlsError::Socket(error) => return error,
        };
        Self::new(kind, error)
    }
}
