//! What makes a message of HTTP/1 one that is not passed on.

use strum::{IntoStaticStr, VariantArray};
use thiserror::Error;

/// Why the bytes of a message are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Flaw {
    /// A start line that is none; its parser has more to say about it.
    #[error("the first line is no HTTP/1")]
    Malformed,
    /// A method of more than 32 bytes; the registered ones have 17 at the most.
    #[error("the method is longer than 32 bytes")]
    MethodTooLong,
    /// A request target longer than its limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// A head, or the trailers, longer than their limit.
    #[error("the head is too long")]
    HeadTooLarge,
    /// More lines in a head, or among trailers, than their limit.
    #[error("there are too many header lines")]
    TooManyHeaderLines,
    /// A line longer than its limit.
    #[error("a header line is too long")]
    HeaderLineTooLong,
    /// A line that ends with LF alone (RFC 9112 §2.2): others read CRLF only.
    #[error("a line ends with a bare LF")]
    BareLf,
    /// A CR that no LF follows (RFC 9112 §2.2).
    #[error("there is a bare CR")]
    BareCr,
    /// A NUL or another control byte (RFC 9110 §5.5).
    #[error("there is a control byte")]
    ControlByte,
    /// A line that goes on in the next one (RFC 9112 §5.2).
    #[error("a header line is folded")]
    ObsFold,
    /// White space in a field name, or between it and its colon (RFC 9112 §5.1).
    #[error("there is a space in a header name or before its colon")]
    SpaceInName,
    /// A field without a name.
    #[error("a header has no name")]
    EmptyName,
    /// A byte in a field name that no token has (RFC 9110 §5.1), or a line without a colon.
    #[error("a header name is no token")]
    InvalidName,
    /// A Content-Length that is no number (RFC 9110 §8.6).
    #[error("the Content-Length is no length")]
    InvalidLength,
    /// A Content-Length of 2^63 or more: there are those that count in signed numbers.
    #[error("the Content-Length is 2^63 or more")]
    LengthTooLarge,
    /// A request that tells its Content-Length twice, or an answer that tells two (RFC 9112 §6.3).
    #[error("there is more than one Content-Length")]
    RepeatedLength,
    /// A request with a Transfer-Encoding and a Content-Length (RFC 9112 §6.1).
    #[error("there is both a Transfer-Encoding and a Content-Length")]
    TwoLengths,
    /// A Transfer-Encoding that is not exactly `chunked`, once.
    #[error("the Transfer-Encoding is not chunked")]
    TransferEncoding,
    /// A Transfer-Encoding in HTTP/1.0, which does not know it (RFC 9112 §6.1).
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    TransferEncodingOnHttp10,
    /// A chunk whose size is no number, or that does not end where it says (RFC 9112 §7.1).
    #[error("a chunk is broken")]
    BrokenChunk,
    /// A chunk of 2^63 bytes or more.
    #[error("a chunk is 2^63 bytes long or more")]
    ChunkTooLarge,
    /// A Content-Length or a Transfer-Encoding among the trailers (RFC 9110 §6.5.1).
    #[error("a trailer says how the message is framed")]
    FramingTrailer,
    /// An answer that came before its request.
    #[error("there is an answer to nothing")]
    UnaskedAnswer,
}

impl Flaw {
    /// The one word for logs and metrics.
    pub fn log_word(self) -> &'static str {
        self.into()
    }
}
