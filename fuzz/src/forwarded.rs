//! What must hold of what requests say of clients. `tests/corpus.rs` calls it too.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use windlass::config::ForwardedHeaders;
use windlass::http::client_address::client_address;
use windlass::http::forward::{Arrival, Scheme, Trust, request};

/// Of a stranger nothing is believed. What a trusted proxy says is passed on so that whoever trusts us too finds the same client.
///
/// The first byte chooses what is written; then each line is a field's value, its first byte says of which field.
pub fn forwarded(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let (peer, us): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [172, 16, 0, 1].into());
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect::<Vec<_>>();
    let (before, only_us) = (fields(text), networks(&["172.16.0.1/32"]));
    let (trusted, and_us) =
        (networks(&["10.0.0.0/8", "fd00::/8"]), networks(&["10.0.0.0/8", "fd00::/8", "172.16.0.1/32"]));
    let written = match choice % 3 {
        0 => ForwardedHeaders::XForwarded,
        1 => ForwardedHeaders::Forwarded,
        _ => ForwardedHeaders::Both,
    };
    assert_eq!(client_address(peer, &before, &[]), peer);
    for (trust, expected) in [(Trust::Untrusted, peer), (Trust::Trusted, client_address(peer, &before, &trusted))] {
        let mut after = before.clone();
        request(&mut after, Arrival { peer, trust, scheme: Scheme::Https, written }, None);
        assert_eq!(client_address(us, &after, &and_us), expected, "{before:?} became {after:?}");
        assert_eq!(client_address(us, &after, &only_us), peer, "{before:?} became {after:?}");
    }
}

fn fields(text: &[u8]) -> HeaderMap {
    const NAMES: [&str; 5] = ["x-forwarded-for", "forwarded", "x-forwarded-proto", "x-forwarded-host", "host"];
    let mut headers = HeaderMap::new();
    for line in text.split(|&byte| byte == b'\n').take(50) {
        let Some((name, value)) = line.split_first() else { continue };
        let name = NAMES.get(usize::from(name % 5)).copied().map(HeaderName::from_static);
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    headers
}
