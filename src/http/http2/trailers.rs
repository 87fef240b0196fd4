//! What follows a body over HTTP/2 without being announced, and over HTTP/1.1 has to be.

use http::header::{CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::grammar::members;

/// Announces in the head of an answer the trailers that its kind always has: those of gRPC say how a call went, and no server
/// announces them. Over HTTP/1.1 only what is announced follows a body (RFC 9110 §6.6.2).
pub fn announce(headers: &mut HeaderMap) {
    let is_grpc = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    // In an answer that has no body they stand in the head.
    if !is_grpc || headers.contains_key(GRPC_STATUS) {
        return;
    }
    let announced = members(headers, &TRAILER).map(<[u8]>::to_vec);
    let missing = GRPC_TRAILERS
        .into_iter()
        .filter(|name| !members(headers, &TRAILER).any(|member| member.eq_ignore_ascii_case(name.as_bytes())));
    let all: Vec<_> = announced.chain(missing.map(|name| name.as_bytes().to_vec())).collect();
    if let Ok(all) = HeaderValue::from_bytes(&all.join(&b", "[..])) {
        headers.insert(TRAILER, all);
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// What gRPC says behind the last message; what an application adds of its own, its server has to announce.
const GRPC_TRAILERS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        announce(&mut map);
        map.get(TRAILER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_trailers_of_grpc_are_announced_and_no_others() {
        let all = "grpc-status, grpc-message, grpc-status-details-bin";
        assert_eq!(announced(&[("content-type", "application/grpc")]).as_deref(), Some(all));
        assert_eq!(announced(&[("content-type", "application/grpc+proto")]).as_deref(), Some(all));
        assert_eq!(announced(&[("content-type", "text/plain")]), None);
        assert_eq!(announced(&[("content-type", "application/grpc"), ("grpc-status", "5")]), None);
        let own = [("content-type", "application/grpc"), ("trailer", "x-one, Grpc-Status")];
        let with_own = "x-one, Grpc-Status, grpc-message, grpc-status-details-bin";
        assert_eq!(announced(&own).as_deref(), Some(with_own));
    }
}
