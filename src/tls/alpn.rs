//! What is agreed on over ALPN (RFC 7301) and is no HTTP.

/// What an authority asks for that looks whether a name is ours (RFC 8737 §6.2). Nothing else is ever said over it.
pub const ACME_TLS_ALPN: &[u8] = b"acme-tls/1";
