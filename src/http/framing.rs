//! Whether it is beyond doubt where an answer ends. If two readers of it could differ, what follows on the connection may be
//! part of it, and nobody else's answer may be read there (RFC 9112 §9.3, §11.2).

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, StatusCode, Version};

/// Whether the end of this answer to a request by `method` is known, the same to every reader, before the connection ends.
pub fn is_certain(method: &Method, answer: &Parts) -> bool {
    // HTTP/1.0 has no chunks, and could not take them in the next request.
    if answer.version != Version::HTTP_11 {
        return false;
    }
    let mut lengths = answer.headers.get_all(CONTENT_LENGTH).iter();
    let is_chunked = answer.headers.contains_key(TRANSFER_ENCODING);
    match (lengths.next(), lengths.next()) {
        (_, Some(_)) => false,
        // Neither belongs there (RFC 9110 §8.6, RFC 9112 §6.1), so somebody may have sent what it tells of.
        (Some(length), None) if answer.status == StatusCode::NO_CONTENT => !is_chunked && length == "0",
        (None, None) if answer.status == StatusCode::NO_CONTENT => !is_chunked,
        (Some(length), None) => !is_chunked && length.as_bytes().iter().all(u8::is_ascii_digit),
        (None, None) => is_chunked || method == Method::HEAD || answer.status == StatusCode::NOT_MODIFIED,
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn certain(method: &Method, version: Version, status: u16, headers: &[(&str, &str)]) -> bool {
        let mut answer = Response::builder().version(version).status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        is_certain(method, &answer.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn one_length_or_chunks_are_certain() {
        for (method, status, headers) in [
            (Method::GET, 200, &[("content-length", "5")][..]),
            (Method::GET, 200, &[("transfer-encoding", "chunked")]),
            (Method::HEAD, 200, &[]),
            (Method::HEAD, 200, &[("content-length", "5")]),
            (Method::HEAD, 200, &[("transfer-encoding", "chunked")]),
            (Method::DELETE, 204, &[]),
            (Method::DELETE, 204, &[("content-length", "0")]),
            (Method::GET, 304, &[]),
            (Method::GET, 304, &[("content-length", "5")]),
        ] {
            assert!(certain(&method, Version::HTTP_11, status, headers), "{method} {status} {headers:?}");
            assert!(!certain(&method, Version::HTTP_10, status, headers), "HTTP/1.0: {method} {status} {headers:?}");
        }
    }

    #[test]
    fn what_two_readers_may_read_in_two_ways_is_not() {
        for (method, status, headers) in [
            (Method::GET, 200, &[][..]),
            (Method::GET, 200, &[("content-length", "5"), ("transfer-encoding", "chunked")]),
            (Method::GET, 200, &[("content-length", "5"), ("content-length", "5")]),
            (Method::GET, 200, &[("content-length", "5, 5")]),
            (Method::GET, 200, &[("content-length", "+5")]),
            (Method::HEAD, 200, &[("content-length", "5"), ("transfer-encoding", "chunked")]),
            (Method::GET, 204, &[("content-length", "5")]),
            (Method::GET, 204, &[("transfer-encoding", "chunked")]),
            (Method::GET, 304, &[("content-length", "5"), ("content-length", "6")]),
        ] {
            assert!(!certain(&method, Version::HTTP_11, status, headers), "{method} {status} {headers:?}");
        }
    }
}
