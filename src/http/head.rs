//! Heads of upgrades as bytes: written in the spelling that old peers compare, and read within bounds.
//!
//! hyper can write names in lower case, in title case (`Sec-Websocket-Key`) or as the client spelt them; peers that
//! compare `Sec-WebSocket-Key` byte by byte understand none of these.

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use thiserror::Error;

/// Appends the head of an HTTP/1.1 request.
pub fn write_request_head(out: &mut Vec<u8>, method: &Method, target: &PathAndQuery, headers: &HeaderMap) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    // `http://a?b` has a target without a path; on the wire it needs one (RFC 9112 §3.2.1).
    if !target.as_str().starts_with('/') {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_str().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_headers(out, headers.iter());
}

/// Appends the head of an HTTP/1.1 response.
pub fn write_response_head(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    write_headers(out, headers.iter());
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its bytes, the empty line included; what follows is body, or already the new protocol.
    pub length: usize,
}

impl ResponseHead {
    /// Whether the connection speaks another protocol behind it.
    pub fn is_switch(&self) -> bool {
        self.status == StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Why bytes are no head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadHead {
    /// It is longer than [`MAX_HEAD`].
    #[error("the response head is too long")]
    TooLong,
    /// It has more than [`MAX_HEADERS`] lines.
    #[error("the response has too many headers")]
    TooManyHeaders,
    /// It is no HTTP/1 response.
    #[error("the response is not HTTP/1")]
    Malformed,
    /// It is a record of TLS, mostly the alert of an endpoint that wants that.
    #[error("the response is TLS: the upstream wants `tls = true`, or the port where its endpoint speaks plain HTTP")]
    Tls,
    /// It switches protocols in HTTP/1.0, which cannot (RFC 9110 §7.8).
    #[error("the response switches protocols in HTTP/1.0")]
    OldSwitch,
}

impl BadHead {
    /// What bytes are that no head of a response begins with (RFC 8446 §5.1: an alert, a handshake).
    pub fn of(bytes: &[u8]) -> Self {
        if matches!(bytes, [0x15 | 0x16, 0x03, ..]) { Self::Tls } else { Self::Malformed }
    }
}

/// Reads the head that `bytes` begin with; `None` as long as its end is missing.
///
/// Any status is read: an interim one (1xx but 101) is followed by the next head at [`ResponseHead::length`].
pub fn parse_response_head(bytes: &[u8]) -> Result<Option<ResponseHead>, BadHead> {
    let bounded = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut lines);
    let length = match response.parse(bounded) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD => return Err(BadHead::TooLong),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooManyHeaders),
        Err(_) => return Err(BadHead::of(bytes)),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(BadHead::Malformed)?;
    if status == StatusCode::SWITCHING_PROTOCOLS && response.version != Some(1) {
        return Err(BadHead::OldSwitch);
    }
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for line in response.headers {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| BadHead::Malformed)?;
        let value = HeaderValue::from_bytes(line.value).map_err(|_| BadHead::Malformed)?;
        headers.append(name, value);
    }
    Ok(Some(ResponseHead { status, headers, length }))
}

fn write_headers<'a>(out: &mut Vec<u8>, headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) {
    for (name, value) in headers {
        write_name(out, name.as_str());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// A name as its RFC spells it, or else with a capital at the start of each word.
fn write_name(out: &mut Vec<u8>, name: &str) {
    if let Some((_, spelling)) = SPELLINGS.iter().find(|(lower, _)| *lower == name) {
        out.extend_from_slice(spelling.as_bytes());
        return;
    }
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    let mut at_word = true;
    for byte in out.iter_mut().skip(start) {
        if at_word {
            byte.make_ascii_uppercase();
        }
        at_word = *byte == b'-';
    }
}

/// The longest head that is read, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most header lines that are read.
pub const MAX_HEADERS: usize = 100;

const SPELLINGS: [(&str, &str); 15] = [
    ("sec-websocket-accept", "Sec-WebSocket-Accept"),
    ("sec-websocket-extensions", "Sec-WebSocket-Extensions"),
    ("sec-websocket-key", "Sec-WebSocket-Key"),
    ("sec-websocket-protocol", "Sec-WebSocket-Protocol"),
    ("sec-websocket-version", "Sec-WebSocket-Version"),
    ("content-md5", "Content-MD5"),
    ("dnt", "DNT"),
    ("etag", "ETag"),
    ("nel", "NEL"),
    ("sec-ch-ua", "Sec-CH-UA"),
    ("sec-gpc", "Sec-GPC"),
    ("te", "TE"),
    ("www-authenticate", "WWW-Authenticate"),
    ("x-request-id", "X-Request-ID"),
    ("x-xss-protection", "X-XSS-Protection"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SWITCH: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n\x81\x01x";

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn request_head(target: &'static str, fields: &[(&'static str, &'static str)]) -> String {
        let mut out = Vec::new();
        write_request_head(&mut out, &Method::GET, &PathAndQuery::from_static(target), &headers(fields));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_spelt_as_in_the_rfc() {
        let fields = [
            ("connection", "Upgrade"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "p"),
            ("sec-websocket-extensions", "e"),
            ("x-forwarded-for", "192.0.2.1"),
            ("dnt", "1"),
            ("cookie", "a"),
            ("cookie", "b"),
            ("host", "h"),
        ];
        assert_eq!(
            request_head("/ws?a=b", &fields),
            "GET /ws?a=b HTTP/1.1\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Extensions: e\r\nX-Forwarded-For: 192.0.2.1\r\nDNT: 1\r\nCookie: a\r\n\
             Cookie: b\r\nHost: h\r\n\r\n"
        );
    }

    #[test]
    fn a_target_begins_with_a_slash() {
        assert_eq!(request_head("?a", &[]), "GET /?a HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn a_switch_is_written_and_read_again() {
        let fields = headers(&[("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", "a")]);
        let mut out = Vec::new();
        write_response_head(&mut out, StatusCode::SWITCHING_PROTOCOLS, &fields);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\n"
        );
        let head = parse_response_head(&out).unwrap().unwrap();
        assert_eq!(head, ResponseHead { status: StatusCode::SWITCHING_PROTOCOLS, headers: fields, length: out.len() });
    }

    #[test]
    fn a_head_cut_at_any_offset_is_waited_for() {
        let length = SWITCH.len() - 3;
        for cut in 0..SWITCH.len() {
            let head = parse_response_head(&SWITCH[..cut]).unwrap();
            assert_eq!(head.is_some(), cut >= length, "{cut} bytes");
            assert!(
                head.is_none_or(|head| head.length == length && head.headers.get_all("set-cookie").iter().count() == 2)
            );
        }
    }

    #[test]
    fn what_is_no_head_is_told_apart() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(MAX_HEAD));
        for (bytes, expected) in [
            (&b"SSH-2.0-OpenSSH\r\n"[..], BadHead::Malformed),
            (b"\x15\x03\x01\x00\x02\x02\x46", BadHead::Tls),
            (b"HTTP/2.0 101 x\r\n\r\n", BadHead::Malformed),
            (b"HTTP/1.1 099 x\r\n\r\n", BadHead::Malformed),
            (b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", BadHead::Malformed),
            (b"HTTP/1.0 101 x\r\n\r\n", BadHead::OldSwitch),
            (many.as_bytes(), BadHead::TooManyHeaders),
            (long.as_bytes(), BadHead::TooLong),
        ] {
            assert_eq!(parse_response_head(bytes), Err(expected), "{:?}", String::from_utf8_lossy(&bytes[..16]));
        }
        assert!(parse_response_head(b"HTTP/1.0 200 OK\r\n\r\n").unwrap().is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>, at in 0..SWITCH.len(), byte: u8) {
            let _ = parse_response_head(&bytes);
            let mut bent = SWITCH.to_vec();
            bent[at] = byte;
            if let Ok(Some(head)) = parse_response_head(&bent) {
                prop_assert!(head.length <= bent.len());
            }
        }
    }
}
