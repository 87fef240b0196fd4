//! How a head changes on its way through: what is meant for us alone is taken out, what we know of the client is put in.
//!
//! Everything else passes untouched and in its order. No `Via` is written, against RFC 9110 §7.6.3: some servers stop compressing
//! when they read one, and a loop through one reverse proxy shows in `X-Forwarded-For` as well.

use std::collections::HashSet;
use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, FORWARDED, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::forwarding;
use crate::config::ForwardedHeaders;
pub use crate::grammar::remove;
use crate::grammar::{has_member, members};

/// What the client's connection to us was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as URIs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that needs not be written (RFC 9110 §4.2.1-2).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whether what a peer says of those behind it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is one of the listener's `trusted_proxies`.
    Trusted,
    /// It is anybody.
    Untrusted,
}

/// The connection that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address at the other end of the socket.
    pub peer: IpAddr,
    /// Whether it is believed.
    pub trust: Trust,
    /// What the connection is.
    pub scheme: Scheme,
    /// In which fields its endpoint is told of the client.
    pub written: ForwardedHeaders,
}

/// Makes of a client's request headers those that the endpoint gets; `upgrade` is the protocol it is asked to switch to.
///
/// Lines keep their order, and what is written anew stands where the client's own line stood. The Transfer-Encoding of a
/// plain request stays, for whoever passes the body on knows whether it goes on in chunks.
pub fn request(headers: &mut HeaderMap, arrival: Arrival, upgrade: Option<&str>) {
    let takes_trailers = has_member(headers, &TE, "trailers");
    let named = named_by_connection(headers);
    announce_trailers(headers, &named);
    let is_kept = |name: &HeaderName| match upgrade {
        Some(_) => [CONNECTION, UPGRADE].contains(name),
        None if takes_trailers => [CONNECTION, TE, TRANSFER_ENCODING].contains(name),
        None => *name == TRANSFER_ENCODING,
    };
    let is_claim = |name: &HeaderName| {
        arrival.trust == Trust::Untrusted && is_about_the_client(name.as_str())
            || is_about_its_certificate(name.as_str())
    };
    remove(headers, |name| is_claim(name) || is_hop_by_hop(name, &named) && !is_kept(name));
    forwarding::write(headers, arrival.peer, arrival.scheme.as_str(), arrival.written);
    match upgrade {
        Some(token) => ask_to_upgrade(headers, token),
        // The one thing in TE that a body passed on as it comes can keep (RFC 9110 §10.1.4).
        None if takes_trailers => {
            headers.insert(CONNECTION, HeaderValue::from_static("TE"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        None => {}
    }
}

/// Makes of an endpoint's response headers those that the client gets; `upgrade` is the protocol a 101 switches to.
///
/// As with a request, lines keep their order, and the Transfer-Encoding of a plain answer stays.
pub fn response(headers: &mut HeaderMap, upgrade: Option<&str>) {
    let named = named_by_connection(headers);
    announce_trailers(headers, &named);
    let is_kept = |name: &HeaderName| match upgrade {
        Some(_) => [CONNECTION, UPGRADE].contains(name),
        None => *name == TRANSFER_ENCODING,
    };
    // A 1xx has no length to tell (RFC 9110 §8.6), and there are endpoints that say 0 and clients that wait for it.
    let is_length_of_none = |name: &HeaderName| upgrade.is_some() && *name == CONTENT_LENGTH;
    remove(headers, |name| is_hop_by_hop(name, &named) && !is_kept(name) || is_length_of_none(name));
    if let Some(token) = upgrade {
        ask_to_upgrade(headers, token);
    }
}

/// Takes out of the trailers of a message what trailers may not say (RFC 9110 §6.5.1).
pub fn trailers(trailers: &mut HeaderMap) {
    remove(trailers, |name| !may_trail(name));
}

/// Whether the headers of a 101 switch to the protocol `token` (RFC 9110 §7.8).
pub fn switches_to(headers: &HeaderMap, token: &str) -> bool {
    has_member(headers, &CONNECTION, "upgrade") && has_member(headers, &UPGRADE, token)
}

fn ask_to_upgrade(headers: &mut HeaderMap, token: &str) {
    if let Ok(token) = HeaderValue::from_str(token) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, token);
    }
}

/// The fields that Connection reserves for one connection, without those that are so by themselves: nearly always none.
fn named_by_connection(headers: &HeaderMap) -> HashSet<HeaderName> {
    members(headers, &CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !HOP_BY_HOP.contains(name) && !is_for_the_other_end(name))
        .collect()
}

/// Whether a field is for one connection alone (RFC 9110 §7.6.1), by itself or as one that Connection has `named`.
///
/// The two Proxy-* fields are for the proxy next to their sender (§11.7): we ask for none and check none, and credentials
/// meant for a proxy are not for endpoints. `Trailer` stays: the trailers do too.
fn is_hop_by_hop(name: &HeaderName, named: &HashSet<HeaderName>) -> bool {
    HOP_BY_HOP.contains(name) || named.contains(name)
}

/// Leaves in `Trailer` the names of those fields that may follow the body. A field that is not announced does not pass.
fn announce_trailers(headers: &mut HeaderMap, named: &HashSet<HeaderName>) {
    unannounce(headers, |name| !may_trail(name) || named.contains(name));
}

/// Takes out of `Trailer` the fields that are `unwanted` behind the body: what is not announced does not pass.
pub fn unannounce(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let may_pass = |token: &[u8]| HeaderName::from_bytes(token).is_ok_and(|name| !unwanted(&name));
    if members(headers, &TRAILER).all(may_pass) {
        return;
    }
    let announced = members(headers, &TRAILER).filter(|token| may_pass(token)).collect::<Vec<_>>().join(&b", "[..]);
    match HeaderValue::from_bytes(&announced) {
        Ok(announced) if !announced.is_empty() => drop(headers.insert(TRAILER, announced)),
        _ => remove(headers, |name| *name == TRAILER),
    }
}

/// Whether a field may follow a body (RFC 9110 §6.5.1): none that decides something, by its own name or by one that it can be
/// taken for. Endpoints that merge trailers into the headers would believe them there, and what we say of the client stands in
/// the headers, whoever the client is.
fn may_trail(name: &HeaderName) -> bool {
    let meant = name.as_str().replace('_', "-");
    !decides(name) && HeaderName::from_bytes(meant.as_bytes()).is_ok_and(|meant| !decides(&meant))
}

/// Whether a field frames or routes a message, says who sends it and what he may do, or changes what is done with it.
pub fn decides(name: &HeaderName) -> bool {
    let text = name.as_str();
    HOP_BY_HOP.contains(name)
        || HEADERS_ONLY.contains(&text)
        || text.starts_with("sec-")
        || text.starts_with("if-")
        || text.starts_with("x-client-cert-")
        || is_about_the_client(text)
}

/// Fields that a Connection header cannot take away.
///
/// To name one there is an error (RFC 9110 §7.6.1), and has been an attack: a client that makes proxies drop what another
/// proxy wrote, or what an endpoint decides by, is let in as somebody else (CVE-2022-31813).
fn is_for_the_other_end(name: &HeaderName) -> bool {
    let name = name.as_str();
    END_TO_END.contains(&name)
        || ["content-", "if-", "sec-", "x-client-cert-"].iter().any(|prefix| name.starts_with(prefix))
        || is_about_the_client(name)
}

/// Whether a field says who the client is or what it asked for, in the way that proxies do. Underscores count as hyphens:
/// CGI and its heirs cannot tell them apart.
fn is_about_the_client(name: &str) -> bool {
    let is_forwarded = name == FORWARDED || starts_with(name, "x-forwarded-") || reads_as(name, "x-real-ip");
    is_forwarded || is_about_its_certificate(name)
}

/// Whether a field says which certificate the client has shown: nobody does but us, for a handshake is with one peer alone.
fn is_about_its_certificate(name: &str) -> bool {
    starts_with(name, "x-client-cert-")
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| reads_as(start, prefix))
}

fn reads_as(text: &str, with: &str) -> bool {
    text.len() == with.len() && text.bytes().zip(with.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

const END_TO_END: [&str; 15] = [
    "authorization",
    "cache-control",
    "cookie",
    "date",
    "expect",
    "host",
    "location",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "trailer",
    "vary",
    "windlass-hops",
    "www-authenticate",
];

const HEADERS_ONLY: [&str; 25] = [
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "retry-after",
    "set-cookie",
    "trailer",
    "vary",
    "windlass-hops",
    "www-authenticate",
];

#[cfg(test)]
mod tests;
