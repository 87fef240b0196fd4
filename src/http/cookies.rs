//! Cookies: finding the values of one, and writing the one that pins a client (RFC 6265).

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::forward::Scheme;
use crate::balance::Pin;
use crate::config::{PinCookie, SameSite, Secure};
use crate::grammar::CookieName;

/// The values of the cookie `name`, in the order the client sent them: the most specific path first (RFC 6265 §5.4).
///
/// There may be several; to be pinned, take the first that stands for an endpoint.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a CookieName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(COOKIE).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_str().as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
        Some(value.trim_ascii_start())
    })
}

/// The `Set-Cookie` that pins a client (RFC 6265 §4.1); the attributes always in the same order.
///
/// Where nothing else is said it is `SameSite=None` over TLS: a page of another site that talks Socket.IO with `withCredentials`
/// gets no other cookie, and would lose its place between two polls. The cookie authorises nothing, so there is nothing to
/// forge a request for. Browsers take `None` only with `Secure`; without TLS `Lax` is the most that works.
pub fn pin(cookie: &PinCookie, pin: Pin, scheme: Scheme) -> Option<HeaderValue> {
    let is_secure = match cookie.secure {
        Secure::Auto => scheme == Scheme::Https,
        Secure::Always => true,
        Secure::Never => false,
    };
    let same_site = match cookie.same_site {
        SameSite::Auto if is_secure => "None",
        SameSite::Auto | SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    };
    let PinCookie { name, path, domain, max_age, .. } = cookie;
    let domain = domain.iter().map(|domain| format!("; Domain={domain}"));
    // Less than a second is no age for browsers: 0 would be the end of the cookie (RFC 6265 §5.2.2).
    let max_age = max_age.iter().map(|age| format!("; Max-Age={}", age.as_secs().max(1)));
    let secure = if is_secure { "; Secure" } else { "" };
    let optional: String = domain.chain(max_age).collect();
    let written = format!("{name}={pin}; Path={path}{optional}; HttpOnly{secure}; SameSite={same_site}");
    let cookie = HeaderValue::try_from(written);
    debug_assert!(cookie.is_ok(), "a name, a pin and what the configuration says of it are visible ASCII");
    cookie.ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection;
    use proptest::prelude::*;

    use super::*;
    use crate::balance::{PinToken, Stay};

    const fn at(endpoint: PinToken) -> Pin {
        Pin { endpoint, stay: Stay::Home }
    }

    fn named(name: &str) -> CookieName {
        CookieName::parse(name).unwrap()
    }

    fn found(lines: &[&str], name: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        values(&headers, &named(name)).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }

    #[test]
    fn finds_a_cookie_on_any_line() {
        assert_eq!(found(&["a=1; pin=x", "b=2;pin=y ; pin = z"], "pin"), ["x", "y", "z"]);
        assert_eq!(found(&["pin=a=b"], "pin"), ["a=b"]);
        assert_eq!(found(&["pin="], "pin"), [""]);
    }

    #[test]
    fn a_name_is_the_whole_name() {
        assert!(found(&["xpin=1; pinx=2; Pin=3; pin; x=pin=4; =pin"], "pin").is_empty());
    }

    fn plain() -> PinCookie {
        let (same_site, secure) = (SameSite::Auto, Secure::Auto);
        PinCookie { name: named("wl"), path: "/".into(), domain: None, same_site, secure, max_age: None }
    }

    #[test]
    fn a_pin_reaches_other_sites_only_over_tls() {
        let token = PinToken::of("chat", "b");
        let pinned = |scheme| pin(&plain(), at(token), scheme).unwrap();
        assert_eq!(pinned(Scheme::Https), format!("wl={token}; Path=/; HttpOnly; Secure; SameSite=None"));
        assert_eq!(pinned(Scheme::Http), format!("wl={token}; Path=/; HttpOnly; SameSite=Lax"));
    }

    #[test]
    fn every_attribute_is_written_in_its_place() {
        let token = PinToken::of("chat", "b");
        let written = |cookie: PinCookie| {
            let texts = [Scheme::Https, Scheme::Http].map(|scheme| pin(&cookie, at(token), scheme).unwrap());
            texts.map(|text| text.to_str().unwrap().strip_prefix(&format!("wl={token}; ")).unwrap().to_owned())
        };
        let all = PinCookie {
            path: "/chat".into(),
            domain: Some("example.com".into()),
            same_site: SameSite::Strict,
            secure: Secure::Always,
            max_age: Some(Duration::from_secs(86_400)),
            ..plain()
        };
        let expected = "Path=/chat; Domain=example.com; Max-Age=86400; HttpOnly; Secure; SameSite=Strict";
        assert_eq!(written(all), [expected; 2]);
        let lax = PinCookie { same_site: SameSite::Lax, ..plain() };
        assert_eq!(written(lax), ["Path=/; HttpOnly; Secure; SameSite=Lax", "Path=/; HttpOnly; SameSite=Lax"]);
        let never = PinCookie { secure: Secure::Never, ..plain() };
        assert_eq!(written(never), ["Path=/; HttpOnly; SameSite=Lax"; 2]);
        let behind_tls = PinCookie { secure: Secure::Always, ..plain() };
        assert_eq!(written(behind_tls), ["Path=/; HttpOnly; Secure; SameSite=None"; 2]);
        let short = PinCookie { max_age: Some(Duration::from_millis(10)), secure: Secure::Never, ..plain() };
        assert_eq!(written(short), ["Path=/; Max-Age=1; HttpOnly; SameSite=Lax"; 2]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched(
            pairs in collection::vec(("[ab]{1,2}", collection::vec(prop_oneof![b'!'..=b':', b'<'..=b'~', 0x80..=0xff_u8], 0..9)), 0..9),
            around in "[ \t]?",
        ) {
            let around = around.as_bytes();
            let pair = |(name, value): &(String, Vec<u8>)| {
                [around, name.as_bytes(), around, b"=", around, value.as_slice(), around].concat()
            };
            let line = pairs.iter().map(pair).collect::<Vec<_>>().join(&b';');
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(&line).unwrap())]);
            let expected: Vec<_> = pairs.iter().filter(|(name, _)| name == "a").map(|(_, value)| value.as_slice()).collect();
            let name = named("a");
            prop_assert_eq!(values(&headers, &name).collect::<Vec<_>>(), expected);
        }
    }
}
