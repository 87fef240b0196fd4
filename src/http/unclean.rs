//! What is wrong with a request that is refused outright.

/// Why a request is refused; the client's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclean {
    /// It wants a tunnel to anywhere (RFC 9110 §9.3.6).
    Connect,
    /// Its target is neither a path nor a whole URI of `http`, `https`, `ws` or `wss`.
    Target,
    /// It has no Host (RFC 9112 §3.2); one of HTTP/1.0 needs none, and takes a route that is for every host.
    NoHost,
    /// It has more than one Host line (RFC 9112 §3.2).
    SeveralHosts,
    /// Its Host is not a host name or address with an optional port.
    InvalidHost,
    /// Its target names one host and its Host another.
    HostMismatch,
    /// Its Transfer-Encoding is not exactly `chunked`.
    TransferEncoding,
    /// It has a Transfer-Encoding and a Content-Length (RFC 9112 §6.1). hyper often drops the latter before it can be seen.
    TwoLengths,
    /// It has a Transfer-Encoding, which HTTP/1.0 does not know (RFC 9112 §6.1).
    TransferEncodingOnHttp10,
    /// Its path may lead out of the one that its route is for.
    DotSegments,
    /// It is to become a WebSocket and has a body, which the endpoint could take for the first bytes of the tunnel.
    UpgradeWithBody,
    /// It is to become a tunnel of another protocol and has a body without a length.
    UpgradeWithChunks,
}

impl Unclean {
    /// What the client is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT is not served here",
            Self::Target => "the request target is not a path",
            Self::NoHost => "the Host header is missing",
            Self::SeveralHosts => "there is more than one Host header",
            Self::InvalidHost => "the Host header is not a host",
            Self::HostMismatch => "the request target and the Host header name two hosts",
            Self::TransferEncoding => "the Transfer-Encoding is not chunked",
            Self::TwoLengths => "there is both a Transfer-Encoding and a Content-Length",
            Self::TransferEncodingOnHttp10 => "HTTP/1.0 has no Transfer-Encoding",
            Self::DotSegments => "the path has a segment . or .., or a backslash, in any encoding",
            Self::UpgradeWithBody => "a WebSocket handshake has no body",
            Self::UpgradeWithChunks => "the body of an upgrade needs a Content-Length",
        }
    }
}
