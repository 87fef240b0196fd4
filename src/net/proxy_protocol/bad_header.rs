//! What is wrong with a header.

use thiserror::Error;

/// How long a header of version 2 may be: beyond this nobody has anything to say in front of a connection, the certificate of a
/// client included.
pub(super) const MOST_BYTES: usize = 4096;

/// Why bytes are no header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadProxyHeader {
    /// They begin otherwise: most likely whoever sends them does not know that it should.
    #[error("what came does not begin with a PROXY header")]
    Missing,
    /// A line of version 1 that does not end where it must.
    #[error("version 1: a line of more than 107 bytes")]
    LineTooLong,
    /// A CR or an LF alone.
    #[error("version 1: a line that does not end with CR and LF")]
    LineEnd,
    /// Anything else than two addresses and two ports, with one space between them.
    #[error("version 1: not a family, two addresses and two ports")]
    Fields,
    /// Another version, or a command that is neither LOCAL nor PROXY.
    #[error("version 2: an unknown version or command")]
    Command,
    /// The client has come by something else than TCP or a unix stream.
    #[error("version 2: an unknown family, or no stream")]
    Family,
    /// More bytes than anybody needs.
    #[error("version 2: a header of more than {} bytes", MOST_BYTES)]
    TooLong,
    /// A length that the addresses do not fit in.
    #[error("version 2: too short for its addresses")]
    Addresses,
    /// A TLV that ends behind the header.
    #[error("version 2: a TLV that does not fit")]
    Tlv,
    /// A CRC32c that is another one, or none, or the second.
    #[error("version 2: a wrong checksum")]
    Checksum,
}
