//! Who the client is where a load balancer says it in front of the connection, by the PROXY protocol.

use std::net::SocketAddr;

use thiserror::Error;

use super::http1;
use super::no_request::NoRequest;
use super::proxy::Proxy;
use crate::http::client_address::is_trusted;
use crate::net::{Socket, ToldClient, read_proxy_header_within};
use crate::snapshot::Listener;

/// The client that a header names; `None` where that is whoever has connected.
pub(super) type Told = Option<Box<ToldClient>>;

/// Reads the header of a connection where its listener requires one. `None` is the end of the connection: its peer may not say,
/// or has not said, for whom it comes.
pub(super) async fn told_client(
    stream: &mut Socket,
    peer: SocketAddr,
    listener: &Listener,
    proxy: &Proxy,
) -> Option<Told> {
    if !listener.settings.has_proxy_header {
        return Some(None);
    }
    // Boxed: a session holds no room for it afterwards.
    Box::pin(read(stream, peer, listener, proxy)).await
}

async fn read(stream: &mut Socket, peer: SocketAddr, listener: &Listener, proxy: &Proxy) -> Option<Told> {
    let name = &listener.settings.name;
    let about = (&*proxy.metrics, &proxy.sums);
    if !is_trusted(peer.ip(), &listener.settings.trusted_proxies) {
        NoRequest::UntrustedProxy.say(about, listener, peer.ip(), &Untrusted);
        return None;
    }
    let read = tokio::select! {
        biased;
        read = read_proxy_header_within(stream, listener.settings.proxy_header_timeout) => read,
        () = proxy.closing_for(http1::NEWCOMER) => return None,
    };
    match read {
        Ok(told) => {
            let client = told.map(|told| tracing::field::display(told.source));
            tracing::debug!(listener = %name, %peer, client, "PROXY header");
            Some(told.map(Box::new))
        }
        Err(none) => {
            match NoRequest::of_proxy_header(&none) {
                Some(why) => why.say(about, listener, peer.ip(), &none.error),
                None => tracing::debug!(listener = %name, client = %peer.ip(), error = %none.error, "no PROXY header"),
            }
            None
        }
    }
}

/// Why nothing is read of who is no proxy of ours.
#[derive(Debug, Error)]
#[error("the PROXY header is read from trusted_proxies alone")]
struct Untrusted;
