//! Requests of HTTP/1 that are refused outright: those that two parsers may read in two ways.
//!
//! An endpoint that reads a request otherwise than we do takes part of its body for another request, or serves a host
//! that we did not route to. hyper lets these pass, so each is checked here. What the bytes of a head say of its form and its
//! body was judged before it was parsed (`judge`), and is not checked again.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use crate::grammar::Authority;
use crate::http::unclean::Unclean;

/// Gives a Host to a request of HTTP/1.0 that has none: that of its target, or an empty one where that has no host either
/// (RFC 9112 §3.2). It is the first line, as servers like it.
pub fn complete(request: &mut Parts) {
    if request.version != Version::HTTP_10 || request.headers.contains_key(HOST) {
        return;
    }
    let host = request.uri.authority().map_or("", |authority| authority.as_str());
    if let Ok(host) = HeaderValue::from_str(host) {
        let lines = std::mem::replace(&mut request.headers, HeaderMap::from_iter([(HOST, host)]));
        request.headers.extend(lines);
    }
}

/// Checks any request; gives what it is for, as the client wrote it.
pub fn check(request: &Parts) -> Result<Authority<'_>, Unclean> {
    if request.method == Method::CONNECT {
        return Err(Unclean::Connect);
    }
    let host = single_host(&request.headers, request.version)?;
    check_target(&request.uri, host)?;
    Ok(host)
}

/// Checks a request that is to become a WebSocket: it has no body.
pub fn check_websocket_body(headers: &HeaderMap) -> Result<(), Unclean> {
    // However a 0 is written; anything else is a body, and so is what is no length at all.
    let is_empty = |length: &HeaderValue| {
        let digits = length.as_bytes();
        !digits.is_empty() && digits.iter().all(|&digit| digit == b'0')
    };
    let has_body = headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(is_empty);
    if has_body { Err(Unclean::UpgradeWithBody) } else { Ok(()) }
}

/// Checks a request that is to become a tunnel of another protocol: the end of its body is known before that begins.
pub fn check_upgrade_body(headers: &HeaderMap) -> Result<(), Unclean> {
    if headers.contains_key(TRANSFER_ENCODING) { Err(Unclean::UpgradeWithChunks) } else { Ok(()) }
}

fn single_host(headers: &HeaderMap, version: Version) -> Result<Authority<'_>, Unclean> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().ok_or(Unclean::NoHost)?;
    if hosts.next().is_some() {
        return Err(Unclean::SeveralHosts);
    }
    let host = host.to_str().map_err(|_| Unclean::InvalidHost)?;
    if host.is_empty() && version == Version::HTTP_10 {
        return Ok(Authority { host, port: None });
    }
    Authority::parse(host).ok_or(Unclean::InvalidHost)
}

/// RFC 9112 §3.2.2 lets the target's authority win over Host. An endpoint may see it the other way, so they must agree.
fn check_target(uri: &Uri, host: Authority<'_>) -> Result<(), Unclean> {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return if uri.authority().is_none() && uri.path().starts_with('/') { Ok(()) } else { Err(Unclean::Target) };
    };
    // Clients of WebSocket write the URI that they were given (RFC 6455 §3).
    let is = |one: &str, other: &str| [one, other].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let default_port = match () {
        () if is("http", "ws") => 80,
        () if is("https", "wss") => 443,
        () => return Err(Unclean::Target),
    };
    let is_same = Authority::parse(authority.as_str()).is_some_and(|target| {
        target.host.eq_ignore_ascii_case(host.host)
            && target.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
    });
    if is_same { Ok(()) } else { Err(Unclean::HostMismatch) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Request};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn request(version: Version, method: &str, target: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::builder().version(version).method(method).uri(target);
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn checked(target: &str, headers: &[(&'static str, &str)]) -> Result<(), Unclean> {
        check(&request(Version::HTTP_11, "GET", target, headers)).map(|_| ())
    }

    #[test]
    fn gives_the_host_as_it_was_written() {
        let request = request(Version::HTTP_11, "GET", "/ws?x=1", &[("host", "Chat.Example.com:8443")]);
        assert_eq!(check(&request), Ok(Authority { host: "Chat.Example.com", port: Some(8443) }));
    }

    #[test]
    fn connect_is_refused_before_all_else() {
        let connect = request(Version::HTTP_11, "CONNECT", "a:443", &[]);
        assert_eq!(check(&connect), Err(Unclean::Connect));
    }

    #[test]
    fn there_is_exactly_one_host() {
        assert_eq!(checked("/", &[]), Err(Unclean::NoHost));
        assert_eq!(checked("/", &[("host", "a"), ("host", "a")]), Err(Unclean::SeveralHosts));
    }

    #[test]
    fn a_request_of_http_1_0_may_have_no_host() {
        for (target, host, port) in [("/x", "", None), ("http://a:81/x", "a", Some(81))] {
            let mut old = request(Version::HTTP_10, "GET", target, &[("accept", "*/*")]);
            complete(&mut old);
            assert_eq!(check(&old), Ok(Authority { host, port }));
            assert_eq!(old.headers.keys().collect::<Vec<_>>(), ["host", "accept"]);
        }
        for target in ["http://u@a/", "http://a_:x/"] {
            let Ok(uri) = target.parse::<Uri>() else { continue };
            let mut old = request(Version::HTTP_10, "GET", "/", &[]);
            old.uri = uri;
            complete(&mut old);
            assert_eq!(check(&old), Err(Unclean::InvalidHost), "{target}");
        }
        let mut new = request(Version::HTTP_11, "GET", "/", &[]);
        complete(&mut new);
        assert_eq!(check(&new), Err(Unclean::NoHost));
        assert_eq!(checked("/", &[("host", "")]), Err(Unclean::InvalidHost));
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in [
            "a",
            "a.b-c.d_e",
            "a.",
            "a:0",
            "a:65535",
            "a:",
            "192.0.2.1:80",
            "[::1]",
            "[2001:db8::1]:443",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(checked("/", &[("host", host)]), Ok(()), "{host}");
        }
        let long = "a".repeat(255);
        for host in [
            "",
            ".",
            ":80",
            "a..b",
            ".a",
            "a b",
            "a/b",
            "a@b",
            "u@a",
            "a,b",
            "a%2e",
            "a:b",
            "a:65536",
            "a:+1",
            "a:80:80",
            "::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[fe80::1%25eth0]",
            "[a]",
            "a\\b",
            "a#",
            "a?",
            "\"a\"",
            "bücher.example",
            &long,
        ] {
            assert_eq!(checked("/", &[("host", host)]), Err(Unclean::InvalidHost), "{host}");
        }
    }

    #[test]
    fn an_absolute_target_agrees_with_the_host() {
        for (target, host) in [
            ("http://a/x", "a"),
            ("http://A/x", "a"),
            ("http://a:80/", "a"),
            ("https://a/", "a:443"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("ws://a/x", "a:80"),
            ("wss://a:443/x", "a"),
            ("WS://a/x", "a"),
        ] {
            assert_eq!(checked(target, &[("host", host)]), Ok(()), "{target} {host}");
        }
        for (target, host) in [("http://a/", "b"), ("http://a:81/", "a"), ("http://u@a/", "a"), ("https://a/", "a:80")]
        {
            assert_eq!(checked(target, &[("host", host)]), Err(Unclean::HostMismatch), "{target} {host}");
        }
        assert_eq!(checked("wss://a/", &[("host", "a:80")]), Err(Unclean::HostMismatch));
        for target in ["ftp://a/", "*", "a:80"] {
            assert_eq!(checked(target, &[("host", "a")]), Err(Unclean::Target), "{target}");
        }
    }

    #[test]
    fn the_body_of_an_upgrade_has_an_end_and_that_of_a_websocket_is_none() {
        let headers = |header: (&'static str, &str)| request(Version::HTTP_11, "GET", "/", &[header]).headers;
        assert_eq!(check_websocket_body(&headers(("accept", "a"))), Ok(()));
        assert_eq!(check_websocket_body(&headers(("content-length", "0"))), Ok(()));
        assert_eq!(check_websocket_body(&headers(("content-length", "00"))), Ok(()));
        let lengths = ["1", "01", "", "+0", "0, 0", "0x0"].map(|length| ("content-length", length));
        for header in lengths.into_iter().chain([("transfer-encoding", "chunked")]) {
            assert_eq!(check_websocket_body(&headers(header)), Err(Unclean::UpgradeWithBody), "{header:?}");
        }
        assert_eq!(check_upgrade_body(&headers(("content-length", "1"))), Ok(()));
        let chunked = headers(("transfer-encoding", "chunked"));
        assert_eq!(check_upgrade_body(&chunked), Err(Unclean::UpgradeWithChunks));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(
            host in prop_oneof![any::<Vec<u8>>(), "[ -~]{0,9}".prop_map(String::into_bytes), "[a-z]{0,2}:?[0-9]?".prop_map(String::into_bytes)],
        ) {
            let mut request = request(Version::HTTP_11, "GET", "/", &[]);
            if let Ok(value) = HeaderValue::from_bytes(&host) {
                request.headers.append(HOST, value);
            }
            if let Ok(Authority { host, .. }) = check(&request) {
                prop_assert!(host.is_ascii() && !host.is_empty());
            }
        }

        #[test]
        fn any_plain_host_is_taken_as_it_is(host in "[a-zA-Z][a-zA-Z0-9-]{0,20}(\\.[a-z]{1,9}){0,3}", port in option::of(1..=u16::MAX)) {
            let line = port.map_or(host.clone(), |port| format!("{host}:{port}"));
            let request = request(Version::HTTP_11, "GET", "/", &[("host", &line)]);
            prop_assert_eq!(check(&request), Ok(Authority { host: &host, port }));
        }
    }
}
