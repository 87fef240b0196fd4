//! How a client's requests of HTTP/2 are read (RFC 9113 §8.3), and its WebSockets (RFC 8441).
//!
//! What `h2` refuses itself (pseudo-headers that are repeated or misplaced, fields of a connection, `TE` that says
//! more than `trailers`, `:protocol` without CONNECT, a body that is not as long as it was said to be) is not checked again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::config::HygieneSettings;
use crate::grammar::Authority;
use crate::http::Refusal;
use crate::http::http1::hygiene::check_websocket_body;
use crate::http::reader::{Handshake, Reader, WEBSOCKET};
use crate::http::unclean::Unclean;
use crate::judge::{Flaw, LONGEST_METHOD};
use crate::websocket::{Tolerance, check_request};

/// The grammar of HTTP/2.
pub const READER: Reader = Reader { complete, check_limits, check, handshake };

/// Says the request as HTTP/1.1 does: the authority is its Host, its cookies are one line (RFC 9113 §8.2.3), and where it asks for
/// a WebSocket it asks to upgrade, with a key of ours: it has none of its own (RFC 8441 §5), and an endpoint answers one.
fn complete(request: &mut Parts) {
    if !request.headers.contains_key(HOST)
        && let Some(host) = request.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        let lines = std::mem::replace(&mut request.headers, HeaderMap::from_iter([(HOST, host)]));
        request.headers.extend(lines);
    }
    join_cookies(&mut request.headers);
    if asks_for_websocket(request) {
        request.method = Method::GET;
        request.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        // Base64 is fit for a header. One of the client's is none, whatever it says.
        if let Ok(key) = HeaderValue::try_from(key()) {
            request.headers.insert(SEC_WEBSOCKET_KEY, key);
        }
    }
}

/// Joins the lines that a client may make of its cookies.
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}

/// Checks any request; gives what it is for, as the client wrote it.
fn check(request: &Parts) -> Result<Authority<'_>, Unclean> {
    let is_extended = request.extensions.get::<Protocol>().is_some();
    if request.method == Method::CONNECT && !is_extended {
        return Err(Unclean::Connect);
    }
    if !request.uri.path().starts_with('/') {
        return Err(Unclean::Target);
    }
    check_length(&request.headers)?;
    let host = single_host(&request.headers)?;
    check_authority(&request.uri, host)?;
    Ok(host)
}

/// One length, in digits: where there are several, only the first was held against the body.
fn check_length(headers: &HeaderMap) -> Result<(), Unclean> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(length), None) if is_length(length.as_bytes()) => Ok(()),
        _ => Err(Unclean::Length),
    }
}

/// Digits, and less than 2^63: there are those that count in signed numbers.
fn is_length(text: &[u8]) -> bool {
    let number = || str::from_utf8(text).ok()?.parse::<u64>().ok();
    text.iter().all(u8::is_ascii_digit) && number().is_some_and(|length| length < 1 << 63)
}

/// Holds a head against the limits of its listener. What a method may have is the same everywhere.
fn check_limits(request: &Parts, limits: &HygieneSettings) -> Result<(), Flaw> {
    let is_beyond = |length: usize, most: u32| u32::try_from(length).is_ok_and(|length| length > most);
    let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if is_beyond(request.method.as_str().len(), LONGEST_METHOD) {
        return Err(Flaw::MethodTooLong);
    }
    if is_beyond(target, limits.max_target) {
        return Err(Flaw::TargetTooLong);
    }
    if is_beyond(request.headers.len(), limits.max_header_lines) {
        return Err(Flaw::TooManyHeaderLines);
    }
    let as_line = |name: &HeaderName, value: &HeaderValue| name.as_str().len() + ": ".len() + value.len();
    let is_short = |(name, value)| !is_beyond(as_line(name, value), limits.max_header_line);
    if request.headers.iter().all(is_short) { Ok(()) } else { Err(Flaw::HeaderLineTooLong) }
}

fn single_host(headers: &HeaderMap) -> Result<Authority<'_>, Unclean> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().ok_or(Unclean::NoHost)?;
    if hosts.next().is_some() {
        return Err(Unclean::SeveralHosts);
    }
    host.to_str().ok().and_then(Authority::parse).ok_or(Unclean::InvalidHost)
}

/// `:authority` and Host name the same (RFC 9113 §8.3.1), where there are both.
fn check_authority(uri: &Uri, host: Authority<'_>) -> Result<(), Unclean> {
    let Some(authority) = uri.authority() else { return Ok(()) };
    let default_port = match uri.scheme_str() {
        Some("https" | "wss") => 443,
        Some("http" | "ws") | None => 80,
        Some(_) => return Err(Unclean::Target),
    };
    let is_same = Authority::parse(authority.as_str()).is_some_and(|authority| {
        authority.host.eq_ignore_ascii_case(host.host)
            && authority.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
    });
    if is_same { Ok(()) } else { Err(Unclean::HostMismatch) }
}

/// What a request asks to become, of the protocols that are `allowed`; `None` for a plain exchange.
fn handshake(request: &Parts, allowed: &[String], tolerance: &mut Tolerance) -> Result<Option<Handshake>, Refusal> {
    if request.extensions.get::<Protocol>().is_none() {
        return Ok(None);
    }
    if !asks_for_websocket(request) || !allowed.iter().any(|token| token == WEBSOCKET) {
        return Err(Refusal::ProtocolNotServed);
    }
    check_websocket_body(&request.headers).map_err(Refusal::Unclean)?;
    // As it is said in HTTP/1.1, so it is read.
    let key = check_request(&request.method, Version::HTTP_11, &request.headers, tolerance);
    key.map(|key| Some(Handshake::Websocket(key))).map_err(Refusal::BadHandshake)
}

/// Whether `:protocol` is the one that opens a tunnel. Its tokens are compared by case (RFC 8441 §5, RFC 9110 §7.8).
fn asks_for_websocket(request: &Parts) -> bool {
    request.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case(WEBSOCKET))
}

/// A key that nobody can foresee (RFC 6455 §4.1), or one that is no secret where the system has no entropy to give.
fn key() -> String {
    let mut nonce = [0; 16];
    let _ = getrandom::fill(&mut nonce);
    STANDARD.encode(nonce)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::config::UnderscoreHeaders;
    use crate::websocket::{BadHandshake, Strictness};

    fn request(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::builder().version(Version::HTTP_2).method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn completed(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = request(method, uri, headers);
        complete(&mut request);
        request
    }

    fn extended(protocol: &'static str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = request("CONNECT", "https://chat.example/ws", headers);
        request.extensions.insert(Protocol::from_static(protocol));
        complete(&mut request);
        request
    }

    fn read(request: &Parts, allowed: &[&str]) -> Result<Option<Handshake>, Refusal> {
        let allowed: Vec<_> = allowed.iter().map(|&token| token.to_owned()).collect();
        handshake(request, &allowed, &mut Tolerance::new(Strictness::Strict))
    }

    #[test]
    fn the_authority_is_the_host_and_stands_in_front() {
        let request = completed("GET", "https://Chat.example:8443/a?b", &[("accept", "*/*")]);
        assert_eq!(check(&request), Ok(Authority { host: "Chat.example", port: Some(8443) }));
        assert_eq!(request.headers.keys().collect::<Vec<_>>(), ["host", "accept"]);
    }

    #[test]
    fn host_and_authority_agree() {
        for (uri, host) in [("https://a/", "a:443"), ("http://A/", "a"), ("http://a:80/", "a"), ("/", "a")] {
            assert!(check(&completed("GET", uri, &[("host", host)])).is_ok(), "{uri} {host}");
        }
        for (uri, host) in [("https://a/", "b"), ("https://a/", "a:80"), ("http://u@a/", "a")] {
            assert_eq!(check(&completed("GET", uri, &[("host", host)])), Err(Unclean::HostMismatch), "{uri} {host}");
        }
        let twice = completed("GET", "https://a/", &[("host", "a"), ("host", "a")]);
        assert_eq!(check(&twice), Err(Unclean::SeveralHosts));
        assert_eq!(check(&completed("GET", "/", &[])), Err(Unclean::NoHost));
        assert_eq!(check(&completed("GET", "http://u@a/", &[])), Err(Unclean::InvalidHost));
        assert_eq!(check(&completed("GET", "ftp://a/", &[])), Err(Unclean::Target));
        assert_eq!(check(&completed("CONNECT", "a:443", &[])), Err(Unclean::Connect));
    }

    #[test]
    fn a_head_is_held_against_the_limits_of_its_listener() {
        let limits = HygieneSettings {
            underscore_headers: UnderscoreHeaders::Drop,
            max_head: 1000,
            max_header_lines: 3,
            max_header_line: 20,
            max_target: 10,
        };
        let checked = |method: &str, uri: &str, headers: &[(&'static str, &str)]| {
            check_limits(&request(method, uri, headers), &limits)
        };
        let (longest, method) = ("M".repeat(32), "M".repeat(33));
        assert_eq!(checked(&longest, "https://a.test/", &[]), Ok(()));
        assert_eq!(checked(&method, "https://a.test/", &[]), Err(Flaw::MethodTooLong));
        assert_eq!(checked("GET", "https://a.test/34567?901", &[]), Ok(()));
        assert_eq!(checked("GET", "https://a.test/34567?9012", &[]), Err(Flaw::TargetTooLong));
        let lines = [("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")];
        assert_eq!(checked("GET", "https://a.test/", &lines[..3]), Ok(()));
        assert_eq!(checked("GET", "https://a.test/", &lines), Err(Flaw::TooManyHeaderLines));
        assert_eq!(checked("GET", "https://a.test/", &[("x-long", "345678901234")]), Ok(()));
        assert_eq!(checked("GET", "https://a.test/", &[("x-long", "3456789012345")]), Err(Flaw::HeaderLineTooLong));
    }

    #[test]
    fn a_length_is_a_number_that_everybody_can_count_to() {
        for (text, is) in [("", false), ("0", true), ("9223372036854775807", true), ("9223372036854775808", false)] {
            assert_eq!(is_length(text.as_bytes()), is, "{text:?}");
        }
        assert!(!is_length(b"+1") && !is_length(b"99999999999999999999"));
    }

    #[test]
    fn there_is_one_length_in_digits() {
        let of = |headers: &[(&'static str, &str)]| check(&completed("POST", "https://a/", headers)).map(|_| ());
        assert_eq!(of(&[("content-length", "5")]), Ok(()));
        for lengths in [&["5", "5"][..], &["5, 5"], &["+5"], &["-1"], &["5 "]] {
            let lines: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
            assert_eq!(of(&lines), Err(Unclean::Length), "{lengths:?}");
        }
    }

    #[test]
    fn the_crumbs_of_cookies_are_one_line_again() {
        let headers = [("cookie", "a=b"), ("accept", "*/*"), ("cookie", "c=d"), ("cookie", "e=f")];
        let request = completed("GET", "https://a/", &headers);
        let lines: Vec<_> = request.headers.get_all(COOKIE).iter().collect();
        assert_eq!(lines, ["a=b; c=d; e=f"]);
    }

    #[test]
    fn a_websocket_is_asked_for_as_in_http_1_1_with_a_key_of_ours() {
        let one = extended("websocket", &[("sec-websocket-version", "13")]);
        assert_eq!(one.method, Method::GET);
        let Ok(Some(Handshake::Websocket(key))) = read(&one, &["websocket"]) else { panic!("no WebSocket: {one:?}") };
        let other = extended("websocket", &[("sec-websocket-version", "13"), ("sec-websocket-key", "theirs")]);
        let Ok(Some(Handshake::Websocket(another))) = read(&other, &["websocket"]) else { panic!("{other:?}") };
        assert_ne!(key, another);
        assert_eq!(other.headers.get_all(SEC_WEBSOCKET_KEY).iter().count(), 1);
    }

    #[test]
    fn only_a_websocket_opens_a_tunnel() {
        let version = [("sec-websocket-version", "13")];
        for protocol in ["connect-udp", "webtransport", "h2c", ""] {
            let other = extended(protocol, &version);
            assert!(check(&other).is_ok(), "{protocol}");
            assert_eq!(read(&other, &["websocket", "connect-udp"]), Err(Refusal::ProtocolNotServed), "{protocol}");
        }
        assert_eq!(read(&extended("websocket", &version), &[]), Err(Refusal::ProtocolNotServed));
        let old = extended("websocket", &[("sec-websocket-version", "8")]);
        assert_eq!(read(&old, &["websocket"]), Err(Refusal::BadHandshake(BadHandshake::WebsocketVersion)));
        let long = extended("websocket", &[("sec-websocket-version", "13"), ("content-length", "4")]);
        assert_eq!(read(&long, &["websocket"]), Err(Refusal::Unclean(Unclean::UpgradeWithBody)));
        assert_eq!(read(&completed("GET", "https://a/", &version), &["websocket"]), Ok(None));
    }
}
