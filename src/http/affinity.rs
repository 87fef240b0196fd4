//! What in a request decides its placement.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroUsize;

use http::header::HOST;
use http::{HeaderMap, Uri};

use super::cookies;
use crate::access::Permission;
use crate::balance::AffinityKey;
use crate::config::AffinitySource;
use crate::grammar::{Authority, host_name};
use crate::health::Asked;
use crate::tls::Fingerprint;

/// Where the key of a request is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Searched<'a> {
    /// What the request is for.
    pub uri: &'a Uri,
    /// Its headers, with the one Host line that every request has.
    pub headers: &'a HeaderMap,
    /// The client's address, as far as it can be believed.
    pub client: IpAddr,
    /// The certificate that the client has shown.
    pub certificate: Option<&'a Fingerprint>,
    /// What was learned of who asks.
    pub permission: Option<&'a Permission>,
}

/// The key of a request: the first of `sources` that it has decides; `None` where it has none of them.
///
/// A source that is there but empty counts as absent: else all who send nothing would share one endpoint.
pub fn affinity_key(sources: &[AffinitySource], searched: &Searched<'_>) -> Option<AffinityKey> {
    sources.iter().find_map(|source| key_of(source, searched))
}

/// Whether a request begins a session at its endpoint, as far as can be told: an upgrade does, and what opens a session of
/// Engine.IO, unless they name the session that they belong to (its protocol's `sid`). Any other may belong to one.
pub fn begins_session(uri: &Uri, asked: Asked) -> bool {
    let is_opening = asked == Asked::Upgrade || query_value(uri, "EIO").is_some();
    is_opening && query_value(uri, "sid").is_none()
}

fn key_of(source: &AffinitySource, searched: &Searched<'_>) -> Option<AffinityKey> {
    let Searched { uri, headers, client, certificate, permission } = *searched;
    let value: Cow<'_, [u8]> = match source {
        AffinitySource::Header(name) => headers.get(name)?.as_bytes().into(),
        AffinitySource::Cookie(name) => cookies::values(headers, name).find(|value| !value.is_empty())?.into(),
        AffinitySource::Query(name) => bytes_of(query_value(uri, name)?),
        AffinitySource::PathSegment(number) => path_segment(uri, *number)?.as_bytes().into(),
        AffinitySource::Claim(name) => bytes_of(permission?.claim(name)?),
        AffinitySource::Host => bytes_of(host(headers)?),
        AffinitySource::ClientIp => return Some(AffinityKey::of_client(client)),
        AffinitySource::ClientCertificate => certificate?.as_bytes().into(),
    };
    (!value.is_empty()).then(|| AffinityKey::of_value(&value))
}

/// A segment of the path as it was sent, for that is what routes and endpoints see: `%61` is not `a`.
fn path_segment(uri: &Uri, number: NonZeroUsize) -> Option<&str> {
    uri.path().strip_prefix('/')?.split('/').nth(number.get() - 1)
}

/// The host that the request is for, as routes know it.
fn host(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let authority = Authority::parse(headers.get(HOST)?.to_str().ok()?)?;
    Some(host_name(authority.host))
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    }
}

fn query_value<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use http::{HeaderName, HeaderValue};
    use proptest::collection;
    use proptest::prelude::*;
    use rustls::pki_types::CertificateDer;

    use super::*;
    use crate::grammar::CookieName;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn sources() -> [AffinitySource; 3] {
        [
            AffinitySource::Header(HeaderName::from_static("x-user")),
            AffinitySource::Query("user".into()),
            AffinitySource::Cookie(CookieName::parse("user").unwrap()),
        ]
    }

    fn segment(number: usize) -> AffinitySource {
        AffinitySource::PathSegment(NonZeroUsize::new(number).unwrap())
    }

    fn find(sources: &[AffinitySource], uri: &Uri, headers: &HeaderMap) -> Option<AffinityKey> {
        affinity_key(sources, &Searched { uri, headers, client: CLIENT, certificate: None, permission: None })
    }

    fn key(uri: &'static str, headers: &[(&'static str, &'static str)]) -> Option<AffinityKey> {
        key_in(&sources(), uri, headers)
    }

    fn key_in(
        sources: &[AffinitySource],
        uri: &'static str,
        headers: &[(&'static str, &'static str)],
    ) -> Option<AffinityKey> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        find(sources, &Uri::from_static(uri), &headers)
    }

    fn value(text: impl AsRef<[u8]>) -> Option<AffinityKey> {
        Some(AffinityKey::of_value(text.as_ref()))
    }

    #[test]
    fn the_first_source_that_is_present_decides() {
        assert_eq!(key("/?user=q", &[("x-user", "h"), ("cookie", "user=c")]), value("h"));
        assert_eq!(key("/?a=b&user=q&user=r", &[("cookie", "user=c")]), value("q"));
        assert_eq!(key("/?a=b", &[("cookie", "user=c")]), value("c"));
        assert_eq!(key("/?a=b", &[]), None);
        assert_eq!(key("/", &[]), None);
    }

    #[test]
    fn a_segment_of_the_path_counts_as_it_was_sent() {
        for (uri, number, found) in [
            ("/rooms/7/ws?a=b", 1, value("rooms")),
            ("/rooms/7/ws?a=b", 2, value("7")),
            ("/rooms/7/ws?a=b", 3, value("ws")),
            ("/rooms/7/ws?a=b", 4, None),
            ("/rooms/%37/Ws", 2, value("%37")),
            ("/rooms/7/Ws", 3, value("Ws")),
            ("/rooms//ws", 2, None),
            ("/rooms//ws", 3, value("ws")),
            ("/rooms/", 2, None),
            ("/", 1, None),
            ("http://h.test/rooms/7", 2, value("7")),
            ("*", 1, None),
        ] {
            assert_eq!(key_in(&[segment(number)], uri, &[]), found, "{uri} {number}");
        }
    }

    #[test]
    fn a_host_counts_as_routes_know_it() {
        let of = |host| key_in(&[AffinitySource::Host], "/", &[("host", host)]);
        for same in ["chat.example.com", "Chat.Example.COM", "chat.example.com:8443", "chat.example.com."] {
            assert_eq!(of(same), value("chat.example.com"), "{same}");
        }
        assert_eq!(of("[2001:DB8::1]:80"), value("[2001:db8::1]"));
        assert_ne!(of("a.example.com"), of("b.example.com"));
        assert_eq!(of(""), None);
        assert_eq!(key_in(&[AffinitySource::Host], "/", &[]), None);
    }

    #[test]
    fn a_client_of_ipv6_counts_by_its_network() {
        let of = |client: &str| {
            let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
            let searched = Searched {
                uri: &uri,
                headers: &headers,
                client: client.parse().unwrap(),
                certificate: None,
                permission: None,
            };
            affinity_key(&[AffinitySource::ClientIp], &searched)
        };
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:0:0:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.1"), Some(AffinityKey::of_address(CLIENT)));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn a_certificate_counts_where_one_was_shown() {
        let sources = [AffinitySource::ClientCertificate, AffinitySource::ClientIp];
        let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
        let [one, other] = [b"one", b"two"].map(|der| Fingerprint::of(&CertificateDer::from_slice(der)));
        let of = |certificate| {
            affinity_key(
                &sources,
                &Searched { uri: &uri, headers: &headers, client: CLIENT, certificate, permission: None },
            )
        };
        assert_eq!(of(Some(&one)), value(one.as_bytes()));
        assert_ne!(of(Some(&one)), of(Some(&other)));
        assert_eq!(of(None), Some(AffinityKey::of_client(CLIENT)));
    }

    #[test]
    fn a_session_begins_where_none_is_named() {
        for (uri, asked, begins) in [
            ("/ws", Asked::Upgrade, true),
            ("/ws?sid=&a=b", Asked::Upgrade, true),
            ("/socket.io/?EIO=4&transport=websocket", Asked::Upgrade, true),
            ("/socket.io/?EIO=4&transport=websocket&sid=x", Asked::Upgrade, false),
            ("/socket.io/?EIO=4&transport=polling", Asked::Exchange, true),
            ("/socket.io/?EIO=4&transport=polling&sid=x", Asked::Exchange, false),
            ("/", Asked::Exchange, false),
            ("/?a=b", Asked::Exchange, false),
        ] {
            assert_eq!(begins_session(&Uri::from_static(uri), asked), begins, "{uri} {asked:?}");
        }
    }

    #[test]
    fn an_empty_value_is_absent() {
        assert_eq!(key("/?user=", &[("x-user", ""), ("cookie", "user=")]), None);
    }

    #[test]
    fn a_query_is_decoded() {
        assert_eq!(key("/?us%65r=a%20b+c", &[]), value("a b c"));
    }

    #[test]
    fn one_user_is_one_key_wherever_it_is_named() {
        assert_eq!(key("/?user=alice", &[]), key("/", &[("x-user", "alice")]));
    }

    #[test]
    fn client_ip_may_come_before_others() {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("a=b"))]);
        let sources = [AffinitySource::ClientIp, AffinitySource::Cookie(CookieName::parse("a").unwrap())];
        let found = find(&sources, &Uri::from_static("/"), &headers);
        assert_eq!(found, Some(AffinityKey::of_client(CLIENT)));
    }

    proptest! {
        #[test]
        fn any_query_and_header_has_a_key(
            query in "[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*",
            bytes in collection::vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8], 0..20),
        ) {
            let (uri, value) = (format!("/?{query}").parse().unwrap(), HeaderValue::from_bytes(&bytes).unwrap());
            let without = find(&sources(), &uri, &HeaderMap::new());
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-user"), value.clone()), (COOKIE, value)]);
            let found = find(&sources(), &uri, &headers);
            prop_assert_eq!(found, if bytes.is_empty() { without } else { Some(AffinityKey::of_value(&bytes)) });
        }

        #[test]
        fn any_value_of_a_query_is_found_behind_whatever_else(before in "[a-d0-9=&+]*", value in "\\PC+") {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let uri = format!("/?{before}&user={encoded}").parse().unwrap();
            prop_assert_eq!(find(&sources(), &uri, &HeaderMap::new()), Some(AffinityKey::of_value(value.as_bytes())));
        }
    }
}
