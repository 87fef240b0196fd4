//! What a TLS stream fails with.

use std::io;

use thiserror::Error;

/// Why there is no TLS stream, or why one goes on no more. It is the client's fault but where a variant says otherwise.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The client speaks HTTP in plain. It has been sent nothing.
    #[error("it speaks HTTP without TLS")]
    PlainHttp,
    /// The handshake was not over within its limit.
    #[error("timed out")]
    TimedOut,
    /// The client has ended the connection, or it was cut, before the handshake was over.
    #[error("the connection ended in the middle of the TLS handshake")]
    EndedInHandshake,
    /// The connection ended without the client's close_notify: somebody may have cut it.
    #[error("the connection ended without a close_notify")]
    Truncated,
    /// What came is no TLS, or breaks it, or is the client's refusal; unless it was the first to say so, it has been sent an
    /// alert. Only [`rustls::Error::General`] is a mistake of ours.
    #[error("{0}")]
    Records(#[source] rustls::Error),
    /// The configuration of the listener makes no connection: our fault.
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
            TlsError::TimedOut => io::ErrorKind::TimedOut,
            TlsError::EndedInHandshake | TlsError::Truncated => io::ErrorKind::UnexpectedEof,
            TlsError::Records(_) => io::ErrorKind::InvalidData,
            TlsError::Configuration(_) => io::ErrorKind::Other,
            TlsError::Socket(error) => return error,
        };
        Self::new(kind, error)
    }
}
