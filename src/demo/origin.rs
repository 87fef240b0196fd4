//! Whether a request may talk to the chat or steer the demo: not when another web site made the browser send it.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request comes from the demo's own page, or from no page at all (curl).
///
/// The host has to be a loopback name: a site that points its own name at 127.0.0.1 (DNS rebinding) has an origin that
/// equals its host.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let Some(host) = text(headers, &HOST).and_then(|host| host.parse::<Authority>().ok()) else { return false };
    if !is_loopback(&host) {
        return false;
    }
    // Browsers send Origin with every POST and every WebSocket; Sec-Fetch-Site only speaks where there is none.
    match (headers.contains_key(ORIGIN), headers.contains_key(SEC_FETCH_SITE)) {
        (true, _) => text(headers, &ORIGIN)
            .and_then(|origin| origin.parse::<Uri>().ok())
            .is_some_and(|origin| origin.authority() == Some(&host)),
        (false, true) => matches!(text(headers, &SEC_FETCH_SITE), Some("same-origin" | "none")),
        (false, false) => true,
    }
}

fn is_loopback(host: &Authority) -> bool {
    let name = host.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The value, if there is exactly one and it is text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_own(&headers.collect())
    }

    #[test]
    fn curl_and_the_own_page_may() {
        assert!(verdict(&[("host", "127.0.0.1:8080")]));
        assert!(verdict(&[("host", "[::1]:8080")]));
        assert!(verdict(&[("host", "localhost:8443"), ("origin", "https://localhost:8443")]));
        assert!(verdict(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn another_site_may_not() {
        assert!(!verdict(&[("host", "127.0.0.1:8080"), ("origin", "https://evil.test")]));
        assert!(!verdict(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9999")]));
        assert!(!verdict(&[("host", "127.0.0.1:8080"), ("origin", "null")]));
        assert!(!verdict(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_rebound_name_may_not() {
        assert!(!verdict(&[("host", "evil.test:8080"), ("origin", "http://evil.test:8080")]));
        assert!(!verdict(&[]));
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().unwrap());
        headers.append(ORIGIN, "http://localhost".parse().unwrap());
        headers.append(ORIGIN, "http://evil.test".parse().unwrap());
        assert!(!is_own(&headers));
    }
}
