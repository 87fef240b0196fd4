//! What in a request decides its placement.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Uri};

use super::cookies;
use crate::balance::AffinityKey;
use crate::config::AffinitySource;
use crate::health::Asked;

/// The key of a request: the first of `sources` that it has decides; `None` where it has none of them. `client` is its address.
///
/// A source that is there but empty counts as absent: else all who send nothing would share one endpoint.
pub fn affinity_key(sources: &[AffinitySource], uri: &Uri, headers: &HeaderMap, client: IpAddr) -> Option<AffinityKey> {
    sources.iter().find_map(|source| key_of(source, uri, headers, client))
}

/// Whether a request begins a session at its endpoint, as far as can be told: an upgrade does, and what opens a session of
/// Engine.IO, unless they name the session that they belong to (its protocol's `sid`). Any other may belong to one.
pub fn begins_session(uri: &Uri, asked: Asked) -> bool {
    let is_opening = asked == Asked::Upgrade || query_value(uri, "EIO").is_some();
    is_opening && query_value(uri, "sid").is_none()
}

fn key_of(source: &AffinitySource, uri: &Uri, headers: &HeaderMap, client: IpAddr) -> Option<AffinityKey> {
    let value: Cow<'_, [u8]> = match source {
        AffinitySource::Header(name) => headers.get(name)?.as_bytes().into(),
        AffinitySource::Cookie(name) => cookies::values(headers, name).find(|value| !value.is_empty())?.into(),
        AffinitySource::Query(name) => match query_value(uri, name)? {
            Cow::Borrowed(value) => value.as_bytes().into(),
            Cow::Owned(value) => value.into_bytes().into(),
        },
        AffinitySource::PathSegment(_) | AffinitySource::Host | AffinitySource::ClientCertificate => return None,
        AffinitySource::ClientIp => return Some(AffinityKey::of_address(client)),
    };
    (!value.is_empty()).then(|| AffinityKey::of_value(&value))
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

    fn key(uri: &'static str, headers: &[(&'static str, &'static str)]) -> Option<AffinityKey> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        affinity_key(&sources(), &Uri::from_static(uri), &headers, CLIENT)
    }

    #[test]
    fn the_first_source_that_is_present_decides() {
        let value = |text: &str| Some(AffinityKey::of_value(text.as_bytes()));
        assert_eq!(key("/?user=q", &[("x-user", "h"), ("cookie", "user=c")]), value("h"));
        assert_eq!(key("/?a=b&user=q&user=r", &[("cookie", "user=c")]), value("q"));
        assert_eq!(key("/?a=b", &[("cookie", "user=c")]), value("c"));
        assert_eq!(key("/?a=b", &[]), None);
        assert_eq!(key("/", &[]), None);
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
        assert_eq!(key("/?us%65r=a%20b+c", &[]), Some(AffinityKey::of_value(b"a b c")));
    }

    #[test]
    fn one_user_is_one_key_wherever_it_is_named() {
        assert_eq!(key("/?user=alice", &[]), key("/", &[("x-user", "alice")]));
    }

    #[test]
    fn client_ip_may_come_before_others() {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("a=b"))]);
        let sources = [AffinitySource::ClientIp, AffinitySource::Cookie(CookieName::parse("a").unwrap())];
        let found = affinity_key(&sources, &Uri::from_static("/"), &headers, CLIENT);
        assert_eq!(found, Some(AffinityKey::of_address(CLIENT)));
    }

    proptest! {
        #[test]
        fn any_query_and_header_has_a_key(
            query in "[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*",
            bytes in collection::vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8], 0..20),
        ) {
            let (uri, value) = (format!("/?{query}").parse().unwrap(), HeaderValue::from_bytes(&bytes).unwrap());
            let without = affinity_key(&sources(), &uri, &HeaderMap::new(), CLIENT);
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-user"), value.clone()), (COOKIE, value)]);
            let found = affinity_key(&sources(), &uri, &headers, CLIENT);
            prop_assert_eq!(found, if bytes.is_empty() { without } else { Some(AffinityKey::of_value(&bytes)) });
        }

        #[test]
        fn any_value_of_a_query_is_found_behind_whatever_else(before in "[a-d0-9=&+]*", value in "\\PC+") {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let uri = format!("/?{before}&user={encoded}").parse().unwrap();
            let found = affinity_key(&sources(), &uri, &HeaderMap::new(), CLIENT);
            prop_assert_eq!(found, Some(AffinityKey::of_value(value.as_bytes())));
        }
    }
}
