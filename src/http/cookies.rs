//! Cookies: finding the values of one, and writing the one that pins a client (RFC 6265).

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::forward::Scheme;
use crate::balance::Pin;
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

/// The `Set-Cookie` that pins a client; it lasts as long as the browser session.
///
/// Over TLS it is `SameSite=None`: a page of another site that talks Socket.IO with `withCredentials` gets no other
/// cookie, and would lose its place between two polls. The cookie authorises nothing, so there is nothing to forge
/// a request for. Browsers take `None` only with `Secure`; without TLS `Lax` is the most that works.
pub fn pin(name: &CookieName, pin: Pin, scheme: Scheme) -> Option<HeaderValue> {
    let same_site = match scheme {
        Scheme::Https => "Secure; SameSite=None",
        Scheme::Http => "SameSite=Lax",
    };
    let cookie = HeaderValue::try_from(format!("{name}={pin}; Path=/; HttpOnly; {same_site}"));
    debug_assert!(cookie.is_ok(), "a token and a pin are visible ASCII");
    cookie.ok()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_pin_reaches_other_sites_only_over_tls() {
        let token = PinToken::of("chat", "b");
        let pinned = |scheme| pin(&named("wl"), at(token), scheme).unwrap();
        assert_eq!(pinned(Scheme::Https), format!("wl={token}; Path=/; HttpOnly; Secure; SameSite=None"));
        assert_eq!(pinned(Scheme::Http), format!("wl={token}; Path=/; HttpOnly; SameSite=Lax"));
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
