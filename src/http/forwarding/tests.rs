use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::http::client_address::client_address;

const PEER: &str = "10.0.0.1";
const ALL: [&str; 5] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded"];

/// What is said of a client whose request a trusted peer has passed on with these fields: `For`, `Proto`, `Host`, `Port`,
/// `Forwarded`; nothing where there is none.
fn said(written: ForwardedHeaders, fields: &[(&'static str, &str)]) -> [String; 5] {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    write(&mut headers, PEER.parse().unwrap(), "http", written);
    ALL.map(|name| {
        assert!(headers.get_all(name).iter().count() <= 1, "{name}");
        headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    })
}

#[test]
fn the_fields_are_written_that_the_listener_says() {
    let host = [("host", "chat.test")];
    let list = [PEER, "http", "chat.test", "80", ""];
    let forwarded = "for=10.0.0.1;proto=http;host=chat.test";
    assert_eq!(said(ForwardedHeaders::XForwarded, &host), list);
    assert_eq!(said(ForwardedHeaders::Forwarded, &host), ["", "", "", "", forwarded]);
    assert_eq!(said(ForwardedHeaders::Both, &host), [PEER, "http", "chat.test", "80", forwarded]);
}

#[test]
fn what_a_proxy_has_said_is_continued_wherever_it_has_said_it() {
    let fields = [
        ("host", "inner:81"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "outer"),
        ("forwarded", "for=1.1.1.1;proto=https"),
    ];
    let (list, forwarded) =
        ("6.6.6.6, 1.1.1.1, 10.0.0.1", "for=1.1.1.1;proto=https, for=10.0.0.1;proto=http;host=\"inner:81\"");
    assert_eq!(said(ForwardedHeaders::XForwarded, &fields), [list, "https", "outer", "443", forwarded]);
    assert_eq!(said(ForwardedHeaders::Forwarded, &fields), [list, "https", "outer", "", forwarded]);
}

#[test]
fn what_a_proxy_has_said_in_one_way_is_said_in_the_other() {
    let list = [
        ("x-forwarded-for", "junk, 2001:db8::1"),
        ("x-forwarded-for", "1.1.1.1:80"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "outer:8443"),
    ];
    let [.., forwarded] = said(ForwardedHeaders::Forwarded, &list);
    let expected =
        "for=unknown, for=\"[2001:db8::1]\", for=1.1.1.1;proto=https;host=\"outer:8443\", for=10.0.0.1;proto=http";
    assert_eq!(forwarded, expected);
    let forwarded = [("forwarded", "for=_hidden;proto=http, for=\"[2001:db8::1]:80\";proto=https;host=\"outer:8443\"")];
    let [entries, proto, host, port, _] = said(ForwardedHeaders::XForwarded, &forwarded);
    assert_eq!([&entries, &proto, &host, &port], ["unknown, 2001:db8::1, 10.0.0.1", "https", "outer:8443", "8443"]);
}

#[test]
fn the_port_is_the_one_that_the_client_has_asked_for() {
    let port = |fields: &[(&'static str, &str)]| said(ForwardedHeaders::XForwarded, fields)[3].clone();
    assert_eq!(port(&[("host", "a:8443")]), "8443");
    assert_eq!(port(&[("host", "[::1]")]), "80");
    assert_eq!(port(&[]), "80");
    assert_eq!(port(&[("host", "a"), ("x-forwarded-proto", "https")]), "443");
    assert_eq!(port(&[("host", "a:81"), ("x-forwarded-host", "b"), ("x-forwarded-proto", "wss")]), "443");
    assert_eq!(port(&[("x-forwarded-port", "9")]), "9");
    // Of several proxies, or in a scheme that has none, it is not guessed.
    assert_eq!(port(&[("x-forwarded-host", "a, b")]), "");
    assert_eq!(port(&[("host", "a"), ("x-forwarded-proto", "https, http")]), "");
}

fn line() -> impl Strategy<Value = (&'static str, String)> {
    let addresses =
        vec!["1.1.1.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "fd00::1", "unknown", "junk", "::ffff:10.0.0.4"];
    let entries = prop::collection::vec(select(addresses), 0..4);
    (any::<bool>(), entries).prop_map(|(is_list, entries)| {
        let node = |entry: &&str| if is_list { (*entry).to_owned() } else { format!("proto=https;for=\"{entry}\"") };
        let name = if is_list { "x-forwarded-for" } else { "forwarded" };
        (name, entries.iter().map(node).collect::<Vec<_>>().join(", "))
    })
}

proptest! {
    /// Whatever came, and however it is written.
    #[test]
    fn who_trusts_us_and_those_whom_we_trust_finds_the_same_client(
        lines in prop::collection::vec(line(), 0..4),
        garbage in prop::option::of(prop::collection::vec(32_u8..127, 0..40)),
        written in select(vec![ForwardedHeaders::XForwarded, ForwardedHeaders::Forwarded, ForwardedHeaders::Both]),
        peer in select(vec!["10.0.0.1", "fd00::2", "::ffff:10.0.0.9"]),
    ) {
        let mut headers = HeaderMap::new();
        let garbage = garbage.map(|bytes| ("forwarded", String::from_utf8(bytes).unwrap()));
        for (name, value) in lines.into_iter().chain(garbage) {
            headers.append(name, value.parse().unwrap());
        }
        let peer = peer.parse().unwrap();
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap());
        let us = "172.16.0.1".parse().unwrap();
        let and_us = [&trusted[..], &["172.16.0.1/32".parse().unwrap()]].concat();
        let found = client_address(peer, &headers, &trusted);

        write(&mut headers, peer, "https", written);

        prop_assert_eq!(client_address(us, &headers, &and_us), found, "{:?}", headers);
        prop_assert_eq!(client_address(us, &headers, &["172.16.0.1/32".parse().unwrap()]), peer.to_canonical());
    }
}
