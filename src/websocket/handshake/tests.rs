use http::header::SEC_WEBSOCKET_EXTENSIONS;

use super::*;
use crate::websocket::DeflateParameters;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
}

/// The request of RFC 6455 §1.2, with some headers replaced.
fn request(changes: &[(HeaderName, &[&str])]) -> HeaderMap {
    let base =
        [(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_WEBSOCKET_KEY, KEY), (SEC_WEBSOCKET_VERSION, "13")];
    changed(&base, changes)
}

fn answer(changes: &[(HeaderName, &[&str])]) -> HeaderMap {
    changed(&[(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_WEBSOCKET_ACCEPT, ACCEPT)], changes)
}

fn changed(base: &[(HeaderName, &str)], changes: &[(HeaderName, &[&str])]) -> HeaderMap {
    let mut headers = headers(base);
    for (name, lines) in changes {
        headers.remove(name);
        for line in *lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
    }
    headers
}

fn check(changes: &[(HeaderName, &[&str])]) -> Result<Key, BadHandshake> {
    check_request(&Method::GET, Version::HTTP_11, &request(changes))
}

fn key() -> Key {
    check(&[]).unwrap()
}

fn check_reply(offered: &[(HeaderName, &[&str])], changes: &[(HeaderName, &[&str])]) -> Result<Extensions, BadAnswer> {
    check_answer(&request(offered), &key(), &answer(changes))
}

#[test]
fn computes_the_accept_of_the_rfc() {
    assert_eq!(key().accept(), ACCEPT);
}

#[test]
fn takes_tokens_in_any_case_and_over_several_lines() {
    for (upgrade, connection) in [
        (&["WebSocket"][..], &["keep-alive, Upgrade"][..]),
        (&["h2c, websocket"], &["keep-alive", "UPGRADE"]),
        (&["h2c", "WEBSOCKET"], &[", ,upgrade\t,"]),
    ] {
        assert_eq!(check(&[(UPGRADE, upgrade), (CONNECTION, connection)]), Ok(key()), "{upgrade:?}, {connection:?}");
    }
}

#[test]
fn refuses_what_is_no_handshake() {
    let cases: &[(HeaderName, &[&str], BadHandshake)] = &[
        (UPGRADE, &[], BadHandshake::Upgrade),
        (UPGRADE, &["websocket2"], BadHandshake::Upgrade),
        (UPGRADE, &["web socket"], BadHandshake::Upgrade),
        (CONNECTION, &[], BadHandshake::Connection),
        (CONNECTION, &["close"], BadHandshake::Connection),
        (CONNECTION, &["upgrades"], BadHandshake::Connection),
        (SEC_WEBSOCKET_KEY, &[], BadHandshake::KeyMissing),
        (SEC_WEBSOCKET_KEY, &[KEY, KEY], BadHandshake::KeyRepeated),
        (SEC_WEBSOCKET_KEY, &[""], BadHandshake::KeyMalformed),
        (SEC_WEBSOCKET_KEY, &["dGhlIHNhbXBsZSBub25jZQ"], BadHandshake::KeyMalformed),
        (SEC_WEBSOCKET_KEY, &["dGhlIHNhbXBsZSBub25jZSEh"], BadHandshake::KeyMalformed),
        (SEC_WEBSOCKET_KEY, &["dGhlIHNhbXBsZSBub25j!Q=="], BadHandshake::KeyMalformed),
        (SEC_WEBSOCKET_VERSION, &[], BadHandshake::WebsocketVersion),
        (SEC_WEBSOCKET_VERSION, &["8"], BadHandshake::WebsocketVersion),
        (SEC_WEBSOCKET_VERSION, &["013"], BadHandshake::WebsocketVersion),
        (SEC_WEBSOCKET_VERSION, &["13", "8"], BadHandshake::WebsocketVersion),
        (SEC_WEBSOCKET_EXTENSIONS, &["a;"], BadHandshake::Extensions(BadExtensions::Malformed)),
    ];
    for (name, lines, bad) in cases {
        assert_eq!(check(&[(name.clone(), lines)]), Err(*bad), "{name}: {lines:?}");
    }
    assert_eq!(check_request(&Method::POST, Version::HTTP_11, &request(&[])), Err(BadHandshake::Method));
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2] {
        assert_eq!(check_request(&Method::GET, version, &request(&[])), Err(BadHandshake::HttpVersion));
    }
}

#[test]
fn takes_a_key_with_stray_bits_in_its_padding() {
    let stray = check(&[(SEC_WEBSOCKET_KEY, &["dGhlIHNhbXBsZSBub25jZR=="])]).unwrap();
    assert_ne!(stray.accept(), ACCEPT, "the accept is made from the text, not from the bytes");
}

#[test]
fn takes_an_answer_with_what_was_offered() {
    assert_eq!(check_reply(&[], &[]), Ok(Extensions::None));
    let lists: &[(HeaderName, &[&str])] = &[(UPGRADE, &["WebSocket"]), (CONNECTION, &["foo", "bar, UPGRADE"])];
    assert_eq!(check_reply(&[], lists), Ok(Extensions::None));
    let offered: &[(HeaderName, &[&str])] =
        &[(SEC_WEBSOCKET_PROTOCOL, &["chat, superchat", "v2"]), (SEC_WEBSOCKET_EXTENSIONS, &["permessage-deflate"])];
    for chosen in ["chat", "superchat", "v2"] {
        assert_eq!(check_reply(offered, &[(SEC_WEBSOCKET_PROTOCOL, &[chosen])]), Ok(Extensions::None));
    }
    let agreed = check_reply(offered, &[(SEC_WEBSOCKET_EXTENSIONS, &["permessage-deflate"])]);
    assert_eq!(agreed, Ok(Extensions::Deflate(DeflateParameters::default())));
}

#[test]
fn refuses_an_answer_to_something_else() {
    let offered: &[(HeaderName, &[&str])] = &[(SEC_WEBSOCKET_PROTOCOL, &["chat, superchat"])];
    let cases: &[(HeaderName, &[&str], BadAnswer)] = &[
        (UPGRADE, &[], BadAnswer::Upgrade),
        (UPGRADE, &["h2c"], BadAnswer::Upgrade),
        (UPGRADE, &["websocket, h2c"], BadAnswer::Upgrade),
        (UPGRADE, &["websocket", "websocket"], BadAnswer::Upgrade),
        (CONNECTION, &[], BadAnswer::Connection),
        (CONNECTION, &["keep-alive"], BadAnswer::Connection),
        (SEC_WEBSOCKET_ACCEPT, &[], BadAnswer::AcceptMissing),
        (SEC_WEBSOCKET_ACCEPT, &[ACCEPT, ACCEPT], BadAnswer::AcceptRepeated),
        (SEC_WEBSOCKET_ACCEPT, &["S3pPLMBiTxaQ9kYGzzhZRbK+xOo="], BadAnswer::AcceptWrong),
        (SEC_WEBSOCKET_ACCEPT, &[""], BadAnswer::AcceptWrong),
        (SEC_WEBSOCKET_PROTOCOL, &["Chat"], BadAnswer::SubprotocolNotOffered),
        (SEC_WEBSOCKET_PROTOCOL, &[""], BadAnswer::SubprotocolNotOffered),
        (SEC_WEBSOCKET_PROTOCOL, &["chat, superchat"], BadAnswer::SubprotocolRepeated),
        (SEC_WEBSOCKET_PROTOCOL, &["chat", "chat"], BadAnswer::SubprotocolRepeated),
        (SEC_WEBSOCKET_EXTENSIONS, &["foo"], BadAnswer::Extensions(BadExtensions::NotOffered)),
        (SEC_WEBSOCKET_EXTENSIONS, &["foo;"], BadAnswer::Extensions(BadExtensions::Malformed)),
    ];
    for (name, lines, bad) in cases {
        assert_eq!(check_reply(offered, &[(name.clone(), lines)]), Err(*bad), "{name}: {lines:?}");
    }
}

#[test]
fn lists_tokens_of_every_line_that_is_text() {
    let mut headers = headers(&[(CONNECTION, "a , b"), (CONNECTION, "\u{fc}, c"), (CONNECTION, ",d,,")]);
    headers.insert(UPGRADE, HeaderValue::from_static("e"));
    assert_eq!(tokens(&headers, CONNECTION).collect::<Vec<_>>(), ["a", "b", "d"]);
    assert!(!has_token(&headers, CONNECTION, "e"));
}
