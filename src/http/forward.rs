//! How a head changes on its way through: what is meant for us alone is taken out, what we know of the client is put in.
//!
//! Everything else passes untouched and in its order, Host too. No `Via` is written, against RFC 9110 §7.6.3: some servers stop compressing
//! when they read one, and a loop through one reverse proxy shows in `X-Forwarded-For` as well.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::client_address::X_FORWARDED_FOR;
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
    let is_claim = |name: &HeaderName| arrival.trust == Trust::Untrusted && is_about_the_client(name.as_str());
    remove(headers, |name| is_claim(name) || is_hop_by_hop(name, &named) && !is_kept(name));
    write_forwarded(headers, arrival);
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

/// Takes out the fields that `is_out` says, and leaves the others in their order: [`HeaderMap::remove`] would put the last
/// one in the place of the removed.
pub fn remove(headers: &mut HeaderMap, is_out: impl Fn(&HeaderName) -> bool) {
    if !headers.keys().any(&is_out) {
        return;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    let mut current = None;
    for (name, value) in headers.drain() {
        // A field's further lines come without its name.
        if let Some(name) = name {
            current = Some(name).filter(|name| !is_out(name));
        }
        if let Some(name) = &current {
            kept.append(name.clone(), value);
        }
    }
    *headers = kept;
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

/// The fields that Connection reserves for one connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    members(headers, &CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !is_for_the_other_end(name))
        .collect()
}

/// Whether a field is for one connection alone (RFC 9110 §7.6.1), by itself or as one that Connection has `named`.
///
/// The two Proxy-* fields are for the proxy next to their sender (§11.7): we ask for none and check none, and credentials
/// meant for a proxy are not for endpoints. `Trailer` stays: the trailers do too.
fn is_hop_by_hop(name: &HeaderName, named: &[HeaderName]) -> bool {
    HOP_BY_HOP.contains(name) || named.contains(name)
}

/// Leaves in `Trailer` the names of those fields that may follow the body. A field that is not announced does not pass.
fn announce_trailers(headers: &mut HeaderMap, named: &[HeaderName]) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let may_pass =
        |token: &[u8]| HeaderName::from_bytes(token).is_ok_and(|name| may_trail(&name) && !named.contains(&name));
    if members(headers, &TRAILER).all(may_pass) {
        return;
    }
    let announced = members(headers, &TRAILER).filter(|token| may_pass(token)).collect::<Vec<_>>().join(&b", "[..]);
    match HeaderValue::from_bytes(&announced) {
        Ok(announced) if !announced.is_empty() => drop(headers.insert(TRAILER, announced)),
        _ => remove(headers, |name| *name == TRAILER),
    }
}

/// Whether a field may follow a body: nothing that frames or routes a message, says who sends it and what he may do, or
/// changes what is done with it (RFC 9110 §6.5.1). Endpoints that merge trailers into the headers would believe them there,
/// and what we say of the client stands in the headers, whoever the client is.
fn may_trail(name: &HeaderName) -> bool {
    let text = name.as_str();
    let is_out = HOP_BY_HOP.contains(name)
        || HEADERS_ONLY.contains(&text)
        || text.starts_with("sec-")
        || text.starts_with("if-")
        || is_about_the_client(text);
    !is_out
}

/// Fields that a Connection header cannot take away.
///
/// To name one there is an error (RFC 9110 §7.6.1), and has been an attack: a client that makes proxies drop what another
/// proxy wrote, or what an endpoint decides by, is let in as somebody else (CVE-2022-31813).
fn is_for_the_other_end(name: &HeaderName) -> bool {
    let name = name.as_str();
    END_TO_END.contains(&name) || name.starts_with("sec-") || is_about_the_client(name)
}

/// Whether a field says who the client is or what it asked for, in the way that proxies do. Underscores count as hyphens:
/// CGI and its heirs cannot tell them apart.
fn is_about_the_client(name: &str) -> bool {
    let is_same = |text: &str, with: &str| {
        text.len() == with.len() && text.bytes().zip(with.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
    };
    let starts_with = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| is_same(start, prefix));
    name == FORWARDED || starts_with("x-forwarded-") || is_same(name, "x-real-ip")
}

/// Says where a request came from. What an untrusted peer says of that is out already; a trusted one's word is kept and
/// continued, for `X-Forwarded-For` and `Forwarded` are lists that each proxy adds its own peer to.
fn write_forwarded(headers: &mut HeaderMap, arrival: Arrival) {
    let peer = arrival.peer.to_canonical();
    append_to_list(headers, &X_FORWARDED_FOR, &peer.to_string());
    if headers.contains_key(FORWARDED) {
        let node = if peer.is_ipv6() { format!("\"[{peer}]\"") } else { peer.to_string() };
        append_to_list(headers, &FORWARDED, &format!("for={node};proto={}", arrival.scheme.as_str()));
    }
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(arrival.scheme.as_str()));
    }
    let host = headers.get(HOST).filter(|host| !host.is_empty()).cloned();
    if let (false, Some(host)) = (headers.contains_key(&X_FORWARDED_HOST), host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
}

/// Adds `element` to a list and makes one line of it: there are endpoints that read only the first.
fn append_to_list(headers: &mut HeaderMap, name: &HeaderName, element: &str) {
    let mut line = Vec::new();
    for value in headers.get_all(name) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(element.as_bytes());
    if let Ok(line) = HeaderValue::from_bytes(&line) {
        headers.insert(name, line);
    }
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

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

const END_TO_END: [&str; 16] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "host",
    "location",
    "origin",
    "set-cookie",
    "trailer",
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
