//! The pure layers of Windlass, compiled from the same files, and what must hold of them for any input.

extern crate self as windlass;

#[path = "../../src/grammar/mod.rs"]
pub mod grammar;
#[path = "../../src/judge/mod.rs"]
pub mod judge;
#[path = "../../src/ranges.rs"]
pub mod ranges;
#[path = "../../src/websocket/mod.rs"]
pub mod websocket;
#[cfg(feature = "tokens")]
pub use whole::access;
#[cfg(any(
    feature = "endpoints",
    feature = "forwarded",
    feature = "proxy_protocol",
    feature = "routes",
    feature = "srv",
    feature = "tokens"
))]
pub use whole::config;
#[cfg(any(feature = "endpoints", feature = "srv"))]
pub use whole::discovery;
#[cfg(any(feature = "flood", feature = "forwarded"))]
pub use whole::http;
#[cfg(feature = "proxy_protocol")]
pub use whole::net;
#[cfg(feature = "srv")]
pub use whole::resolver;
#[cfg(any(feature = "rewrite", feature = "routes"))]
pub use whole::rules;
#[cfg(feature = "routes")]
pub use whole::snapshot;

#[cfg(feature = "endpoints")]
pub mod endpoints;
#[cfg(feature = "flood")]
pub mod flood;
#[cfg(feature = "forwarded")]
pub mod forwarded;
pub mod messages;
pub mod properties;
#[cfg(feature = "proxy_protocol")]
pub mod proxy_protocol;
#[cfg(feature = "records")]
pub mod records;
#[cfg(feature = "rewrite")]
pub mod rewrite;
#[cfg(feature = "routes")]
pub mod routes;
#[cfg(feature = "srv")]
pub mod srv;
#[cfg(feature = "records")]
pub mod tls;
#[cfg(feature = "tokens")]
pub mod tokens;
