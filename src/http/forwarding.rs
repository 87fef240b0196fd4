//! What endpoints are told of a client: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, and `Forwarded` (RFC 7239).
//!
//! What an untrusted peer says of that is out already. A trusted one's word is kept and continued, for `X-Forwarded-For` and
//! `Forwarded` are lists that each proxy adds its own peer to; what it says only in the one is said in the other, too, where that
//! is written (RFC 7239 §7.4). A line of `Forwarded` that would take in what we write behind it says nothing.
//! So whoever trusts us and those whom we trust finds the client that we have found.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::client_address::{X_FORWARDED_FOR, x_forwarded_for};
use super::forwarded::{from_the_right, push_element};
use crate::config::ForwardedHeaders;
use crate::grammar::{Authority, ends_in_quotes};

/// Says where a request came from: which `peer` has asked by which `scheme`.
pub(super) fn write(headers: &mut HeaderMap, peer: IpAddr, scheme: &'static str, written: ForwardedHeaders) {
    let peer = peer.to_canonical();
    let (has_list, has_forwarded) = (headers.contains_key(&X_FORWARDED_FOR), headers.contains_key(FORWARDED));
    let writes_list = written != ForwardedHeaders::Forwarded;
    let writes_forwarded = written != ForwardedHeaders::XForwarded;
    match (has_list, has_forwarded) {
        (false, true) if writes_list => list_from_forwarded(headers),
        (true, false) if writes_forwarded => forwarded_from_list(headers),
        _ => {}
    }
    if writes_list || has_list {
        continue_list(headers, peer);
    }
    if writes_list {
        complete(headers, scheme);
    }
    if writes_forwarded || has_forwarded {
        continue_forwarded(headers, peer, scheme);
    }
}

/// Adds our peer to `X-Forwarded-For`.
fn continue_list(headers: &mut HeaderMap, peer: IpAddr) {
    let mut line = joined(headers, &X_FORWARDED_FOR, |line| line);
    if !line.is_empty() {
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(peer.to_string().as_bytes());
    insert(headers, X_FORWARDED_FOR, &line);
}

/// Adds our peer to `Forwarded`, and what it has asked us for.
fn continue_forwarded(headers: &mut HeaderMap, peer: IpAddr, scheme: &str) {
    let mut line = joined(headers, &FORWARDED, |line| if ends_in_quotes(line) { b"for=unknown" } else { line });
    let host = headers.get(HOST).filter(|host| !host.is_empty()).map(HeaderValue::as_bytes);
    push_element(&mut line, Some(peer), Some(scheme.as_bytes()), host);
    insert(headers, FORWARDED, &line);
}

/// Says by which scheme, for which host and at which port a client has asked, where no proxy has said it: all three as the client
/// sees them, so that links made of them lead it back.
fn complete(headers: &mut HeaderMap, scheme: &'static str) {
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
    let host = headers.get(HOST).filter(|host| !host.is_empty()).cloned();
    if let (false, Some(host)) = (headers.contains_key(&X_FORWARDED_HOST), host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    if let (false, Some(port)) = (headers.contains_key(&X_FORWARDED_PORT), port(headers)) {
        headers.insert(X_FORWARDED_PORT, HeaderValue::from(port));
    }
}

/// The port of the host that was asked for, or that of the scheme, which needs not be written; `None` where they are several.
fn port(headers: &HeaderMap) -> Option<u16> {
    let of_host = match headers.get(&X_FORWARDED_HOST) {
        Some(host) => Authority::parse(host.to_str().ok()?)?.port,
        None => None,
    };
    of_host.or_else(|| match headers.get(&X_FORWARDED_PROTO)?.as_bytes() {
        b"https" | b"wss" => Some(443),
        b"http" | b"ws" => Some(80),
        _ => None,
    })
}

/// Says in `X-Forwarded-…` what `Forwarded` says: of the scheme and the host that of the proxy that speaks to us.
fn list_from_forwarded(headers: &mut HeaderMap) {
    let elements: Vec<_> = from_the_right(headers).collect();
    let addresses = elements.iter().rev().map(|element| element.as_ref().and_then(|element| element.address()));
    let entries: Vec<_> = addresses.map(|address| address.map_or("unknown".into(), |it| it.to_string())).collect();
    let last = elements.into_iter().next().flatten().unwrap_or_default();
    let said = [(X_FORWARDED_PROTO, last.proto), (X_FORWARDED_HOST, last.host)];
    let said = said.map(|(name, value)| (name, value.and_then(|value| HeaderValue::from_bytes(&value).ok())));
    insert(headers, X_FORWARDED_FOR, entries.join(", ").as_bytes());
    for (name, value) in said {
        if let (false, Some(value)) = (headers.contains_key(&name), value) {
            headers.insert(name, value);
        }
    }
}

/// Says in `Forwarded` what `X-Forwarded-…` says.
fn forwarded_from_list(headers: &mut HeaderMap) {
    let addresses: Vec<_> = x_forwarded_for(headers).collect();
    let of_last = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let mut line = Vec::new();
    if let Some((last, before)) = addresses.split_first() {
        before.iter().rev().for_each(|address| push_element(&mut line, *address, None, None));
        push_element(&mut line, *last, of_last(&X_FORWARDED_PROTO), of_last(&X_FORWARDED_HOST));
    }
    insert(headers, FORWARDED, &line);
}

/// Every line of a list as one, each as `kept` says: there are endpoints that read only the first.
fn joined(headers: &HeaderMap, name: &HeaderName, kept: fn(&[u8]) -> &[u8]) -> Vec<u8> {
    let lines: Vec<_> = headers.get_all(name).into_iter().map(|line| kept(line.as_bytes())).collect();
    lines.join(&b", "[..])
}

fn insert(headers: &mut HeaderMap, name: HeaderName, line: &[u8]) {
    if let Ok(line) = HeaderValue::from_bytes(line) {
        headers.insert(name, line);
    }
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

#[cfg(test)]
mod tests;
