use proptest::prelude::*;
use proptest::sample::select;

use http::header::HOST;

use super::*;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for &(name, value) in fields {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn arrival(trust: Trust) -> Arrival {
    Arrival { peer: PEER, trust, scheme: Scheme::Https, written: ForwardedHeaders::XForwarded }
}

/// The fields that reach the endpoint, sorted, without those that say where the request came from.
fn passed(fields: &[(&'static str, &str)], upgrade: Option<&str>) -> Vec<String> {
    let mut headers = headers(fields);
    request(&mut headers, arrival(Trust::Untrusted), upgrade);
    let mut passed: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with("x-forwarded-"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    passed.sort();
    passed
}

/// What is said about where a request came from: `For`, `Proto`, `Host`, `Forwarded`.
fn said(trust: Trust, fields: &[(&'static str, &str)]) -> [Option<String>; 4] {
    let mut headers = headers(fields);
    request(&mut headers, arrival(trust), None);
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"].map(|name| {
        assert!(headers.get_all(name).iter().count() <= 1, "{name}");
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    })
}

#[test]
fn hop_by_hop_fields_stay_here() {
    let fields = [
        ("host", "a"),
        ("connection", "close, X-Mine"),
        ("connection", "x-other"),
        ("x-mine", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("trailer", "x-sum"),
        ("accept", "*/*"),
    ];
    assert_eq!(passed(&fields, None), ["accept: */*", "host: a", "trailer: x-sum", "transfer-encoding: chunked"]);
    let upgraded = ["accept: */*", "connection: Upgrade", "host: a", "trailer: x-sum", "upgrade: irc"];
    assert_eq!(passed(&fields, Some("irc")), upgraded);
}

#[test]
fn lines_keep_their_order_and_what_is_rewritten_its_place() {
    let names = |headers: &HeaderMap| headers.iter().map(|(name, _)| name.as_str().to_owned()).collect::<Vec<_>>();
    let fields = [
        ("keep-alive", "1"),
        ("a", "1"),
        ("host", "a"),
        ("connection", "upgrade, x-mine"),
        ("b", "1"),
        ("b", "2"),
        ("x-mine", "1"),
        ("upgrade", "irc"),
        ("transfer-encoding", "chunked"),
        ("x-real-ip", "6.6.6.6"),
        ("c", "1"),
        ("te", "trailers"),
        ("d", "1"),
    ];
    let forwarded = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];
    let mut upgraded = headers(&fields);
    request(&mut upgraded, arrival(Trust::Untrusted), Some("irc"));
    let kept = ["a", "host", "connection", "b", "b", "upgrade", "c", "d"];
    assert_eq!(names(&upgraded), [&kept[..], &forwarded].concat());
    let mut plain = headers(&fields);
    request(&mut plain, arrival(Trust::Untrusted), None);
    let kept = ["a", "host", "connection", "b", "b", "transfer-encoding", "c", "te", "d"];
    assert_eq!(names(&plain), [&kept[..], &forwarded].concat());
    let mut answer = headers(&fields);
    response(&mut answer, None);
    assert_eq!(names(&answer), ["a", "host", "b", "b", "transfer-encoding", "x-real-ip", "c", "d"]);
}

#[test]
fn trailers_say_nothing_that_belongs_into_the_headers() {
    let fields = [
        ("x-sum", "1"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x_forwarded_proto", "https"),
        ("x-real-ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("windlass-hops", "10"),
        ("connection", "x"),
        ("upgrade", "y"),
        ("te", "z"),
        ("cookie", "a=b"),
        ("authorization", "Basic x"),
        ("content-length", "0"),
        ("host", "b"),
        ("sec-websocket-key", "k"),
        ("if-match", "x"),
        ("etag", "2"),
        ("grpc-status", "0"),
    ];
    let mut found = headers(&fields);
    trailers(&mut found);
    assert_eq!(found, headers(&[("x-sum", "1"), ("etag", "2"), ("grpc-status", "0")]));
}

#[test]
fn only_what_may_trail_is_announced() {
    let announced = |fields: &[(&'static str, &str)]| {
        let mut headers = headers(fields);
        request(&mut headers, arrival(Trust::Trusted), None);
        headers.get_all(TRAILER).iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(announced(&[("trailer", "X-Sum,x-end"), ("trailer", "etag")]), ["X-Sum,x-end", "etag"]);
    assert_eq!(
        announced(&[("trailer", "X-Sum, Forwarded"), ("trailer", "cookie,x-hop, x-end")]),
        ["X-Sum, x-hop, x-end"]
    );
    assert_eq!(announced(&[("trailer", "X-Sum, x-hop"), ("connection", "x-hop")]), ["X-Sum"]);
    assert!(announced(&[("trailer", "x-forwarded-for"), ("trailer", "@")]).is_empty());
    let mut answer = headers(&[("trailer", "content-length, x-end")]);
    response(&mut answer, None);
    assert_eq!(answer[TRAILER], "x-end");
}

#[test]
fn a_connection_header_cannot_take_away_what_is_for_the_endpoint() {
    let fields = [
        ("connection", "host, cookie, authorization, content-length, sec-websocket-key, origin, x-forwarded-for, , @"),
        ("host", "a"),
        ("cookie", "b"),
        ("authorization", "c"),
        ("content-length", "0"),
        ("sec-websocket-key", "d"),
        ("origin", "e"),
    ];
    assert_eq!(
        passed(&fields, None),
        ["authorization: c", "content-length: 0", "cookie: b", "host: a", "origin: e", "sec-websocket-key: d"]
    );
    let mut trusted = headers(&[("connection", "x-forwarded-for, forwarded"), ("x-forwarded-for", "1.1.1.1")]);
    request(&mut trusted, arrival(Trust::Trusted), None);
    assert_eq!(trusted["x-forwarded-for"], "1.1.1.1, 192.0.2.1");
}

#[test]
fn an_upgrade_is_asked_for_anew() {
    let fields = [("connection", "keep-alive, upgrade"), ("upgrade", "h2c, WebSocket"), ("te", "trailers")];
    assert_eq!(passed(&fields, Some("websocket")), ["connection: Upgrade", "upgrade: websocket"]);
}

#[test]
fn only_trailers_survive_of_te() {
    assert_eq!(passed(&[("te", "gzip, Trailers")], None), ["connection: TE", "te: trailers"]);
}

#[test]
fn an_untrusted_peer_is_not_believed() {
    let claims = [
        ("host", "a:8443"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-user", "root"),
        ("x_forwarded_for", "6.6.6.6"),
        ("x-real-ip", "6.6.6.6"),
        ("x_real_ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
    ];
    let expected = [Some("192.0.2.1"), Some("https"), Some("a:8443"), None];
    assert_eq!(said(Trust::Untrusted, &claims), expected.map(|text| text.map(str::to_owned)));
    assert_eq!(passed(&claims, None), ["host: a:8443"]);
}

#[test]
fn a_trusted_peer_is_continued() {
    let claims = [
        ("host", "inner"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "outer"),
        ("forwarded", "for=1.1.1.1"),
    ];
    let expected =
        ["6.6.6.6, 1.1.1.1, 192.0.2.1", "http", "outer", "for=1.1.1.1, for=192.0.2.1;proto=https;host=inner"];
    assert_eq!(said(Trust::Trusted, &claims), expected.map(|text| Some(text.to_owned())));
    let expected = [Some("192.0.2.1"), Some("https"), Some("a"), None];
    assert_eq!(said(Trust::Trusted, &[("host", "a")]), expected.map(|text| text.map(str::to_owned)));
}

#[test]
fn an_ipv6_peer_is_written_as_each_list_wants_it() {
    let mut headers = headers(&[("forwarded", "for=1.1.1.1")]);
    let peer = "2001:db8::1".parse().unwrap();
    request(&mut headers, Arrival { peer, scheme: Scheme::Http, ..arrival(Trust::Trusted) }, None);
    assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 2001:db8::1");
    assert_eq!(headers["forwarded"], "for=1.1.1.1, for=\"[2001:db8::1]\";proto=http");
}

#[test]
fn a_response_loses_what_was_for_us() {
    let answer = [
        ("connection", "x-mine, set-cookie"),
        ("x-mine", "1"),
        ("set-cookie", "a=b"),
        ("upgrade", "h2,h2c"),
        ("transfer-encoding", "chunked"),
        ("proxy-authenticate", "Basic"),
    ];
    let mut plain = headers(&answer);
    response(&mut plain, None);
    assert_eq!(plain, headers(&[("set-cookie", "a=b"), ("transfer-encoding", "chunked")]));
    let mut switching = headers(&answer);
    response(&mut switching, Some("websocket"));
    assert_eq!(switching["connection"], "Upgrade");
    assert_eq!(switching["upgrade"], "websocket");
}

proptest! {
    #[test]
    fn any_bytes_are_forwarded_or_dropped(
        fields in prop::collection::vec(
            (select(vec!["connection", "x-forwarded-for", "forwarded", "te", "upgrade", "host", "x"]), any::<Vec<u8>>()),
            0..8,
        ),
        is_trusted: bool,
    ) {
        let mut headers = HeaderMap::new();
        for (name, bytes) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(name, value);
            }
        }
        let host = headers.get(HOST).cloned();
        let trust = if is_trusted { Trust::Trusted } else { Trust::Untrusted };
        request(&mut headers, arrival(trust), None);
        prop_assert_eq!(headers.get(HOST), host.as_ref());
        prop_assert!(!headers.contains_key(UPGRADE));
        let list = &headers["x-forwarded-for"];
        prop_assert!(list.as_bytes().ends_with(b"192.0.2.1"));
        prop_assert!(is_trusted || list == "192.0.2.1");
    }
}

#[test]
fn nobody_but_us_says_which_certificate_a_client_has_shown() {
    let claims = [
        ("host", "a"),
        ("x-client-cert-subject", "CN=root"),
        ("x_client_cert-san", "DNS:root"),
        ("x-client-cert-fingerprint", "00"),
        ("x-client-cert", "kept"),
        ("connection", "x-client-cert-subject"),
    ];
    for trust in [Trust::Untrusted, Trust::Trusted] {
        let mut headers = headers(&claims);
        request(&mut headers, arrival(trust), None);
        let left: Vec<_> =
            headers.keys().filter(|name| name.as_str().contains("cert")).map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-client-cert"], "{trust:?}");
    }
    let mut trailing = headers(&claims[1..4]);
    trailers(&mut trailing);
    assert!(trailing.is_empty(), "{trailing:?}");
}
