//! Who may enter: asked by clients that write what browsers and others would.

mod addresses;
pub(crate) mod auth_server;
mod authorize;
mod claims;
mod documents;
mod fetched_keys;
pub(crate) mod key_server;
mod limits;
mod lying_issuers;
mod lying_servers;
mod origins;
mod passwords;
pub(crate) mod rechecks;
pub(crate) mod renewal;
mod revocation;
pub(crate) mod tokens;
mod tokens_over_http2;

use std::net::SocketAddr;

use crate::rig::{Config, Endpoint, Proxy};

/// A plain listener `public` in front of this endpoint.
fn in_front_of(address: SocketAddr) -> Config {
    Config::chat([address]).with("workers", "1")
}

/// This request is answered so, and counted so, without a word to the endpoint; its connection stays.
pub(crate) async fn is_refused(
    proxy: &Proxy,
    endpoint: &Endpoint,
    request: impl AsRef<[u8]>,
    (status, reason): (u16, &str),
) {
    let (shown, before) = (request.as_ref().escape_ascii().to_string(), proxy.refusals(reason));
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        client.send(request.as_ref()).await;
        let (head, body) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!(head.status(), status, "{shown}: {body}");
        assert!(body.starts_with(&format!("{status} ")) && body.ends_with('\n'), "{shown}: {body}");
    }
    assert_eq!(proxy.refusals(reason), before + 2, "{shown}: {reason}");
}
