//! What is wrong with a request that is refused outright.

use strum::{IntoStaticStr, VariantArray};
use thiserror::Error;

/// Why a request is refused; the client's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Unclean {
    /// It wants a tunnel to anywhere (RFC 9110 §9.3.6).
    #[error("CONNECT is not served here")]
    Connect,
    /// Its target is neither a path nor a whole URI of `http`, `https`, `ws` or `wss`.
    #[error("the request target is not a path")]
    Target,
    /// It has no Host (RFC 9112 §3.2); one of HTTP/1.0 needs none, and takes a route that is for every host.
    #[error("the Host header is missing")]
    NoHost,
    /// It has more than one Host line (RFC 9112 §3.2).
    #[error("there is more than one Host header")]
    SeveralHosts,
    /// Its Host is not a host name or address with an optional port.
    #[error("the Host header is not a host")]
    InvalidHost,
    /// Its target names one host and its Host another.
    #[error("the request target and the Host header name two hosts")]
    HostMismatch,
    /// Its Content-Length is no length, or there are several, over HTTP/2.
    #[error("the Content-Length is not one length")]
    Length,
    /// Its path may lead out of the one that its route is for.
    #[error("the path has a segment . or .., or a backslash, in any encoding")]
    DotSegments,
    /// Its path is, for endpoints that tidy paths up, that of another route.
    #[error("the path is another spelling of one that other rules are for: write it plainly")]
    OtherSpelling,
    /// It is to become a WebSocket and has a body, which the endpoint could take for the first bytes of the tunnel.
    #[error("a WebSocket handshake has no body")]
    UpgradeWithBody,
    /// It is to become a tunnel of another protocol and has a body without a length.
    #[error("the body of an upgrade needs a Content-Length")]
    UpgradeWithChunks,
    /// It has a field whose name has an underscore, and its listener refuses those.
    #[error("a header name has an underscore")]
    Underscore,
}

impl Unclean {
    /// The one word for logs and metrics.
    pub fn log_word(self) -> &'static str {
        self.into()
    }
}
