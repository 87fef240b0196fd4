//! What a record looks like on the wire (RFC 8446 §5.1, §5.2).

use rustls::ContentType;

/// The length of a header.
pub(super) const HEADER: usize = 5;
/// The tag at the end of what is encrypted, as long in every cipher suite of TLS 1.3 (RFC 5116 §5.1, RFC 8439 §2.8).
pub(super) const TAG: usize = 16;
/// The plaintext of a full record.
pub const RECORD_PAYLOAD: usize = 16384;
/// What a full record has beside its plaintext, rounded up: 29 bytes with AES-GCM in TLS 1.2, 22 in TLS 1.3.
pub const RECORD_OVERHEAD: usize = 32;
/// The largest record, header included (RFC 5246 §6.2.3, which allows more than RFC 8446 §5.2).
pub const MAX_RECORD: usize = HEADER + RECORD_PAYLOAD + 2048;

/// The start of a record. Its version says nothing any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordHeader {
    pub(super) typ: ContentType,
    /// The bytes that follow the header.
    pub(super) length: usize,
}

impl RecordHeader {
    /// The header at the start of `bytes`, if all of it is there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[typ, _, _, high, low] = bytes.first_chunk::<HEADER>()?;
        Some(Self { typ: ContentType::from(typ), length: u16::from_be_bytes([high, low]).into() })
    }
}
