use http::header::SEC_WEBSOCKET_EXTENSIONS;

use super::*;
use crate::websocket::{DeflateParameters, Strictness};

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

fn strict() -> Tolerance {
    Tolerance::new(Strictness::Strict)
}

fn check(changes: &[(HeaderName, &[&str])]) -> Result<Key, BadHandshake> {
    check_request(&Method::GET, Version::HTTP_11, &request(changes), &mut strict())
}

fn key() -> Key {
    check(&[]).unwrap()
}

fn check_reply(offered: &[(HeaderName, &[&str])], changes: &[(HeaderName, &[&str])]) -> Result<Extensions, BadAnswer> {
    check_answer(&request(offered), &key(), &answer(changes), &mut strict())
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
    assert_eq!(check_request(&Method::POST, Version::HTTP_11, &request(&[]), &mut strict()), Err(BadHandshake::Method));
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2] {
        assert_eq!(check_request(&Method::GET, version, &request(&[]), &mut strict()), Err(BadHandshake::HttpVersion));
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

/// Checks leniently; says what that needed, too.
fn check_leniently(changes: &[(HeaderName, &[&str])]) -> (Result<Key, BadHandshake>, Vec<Leniency>) {
    let mut tolerance = Tolerance::new(Strictness::Lenient);
    let key = check_request(&Method::GET, Version::HTTP_11, &request(changes), &mut tolerance);
    (key, tolerance.needed().iter().collect())
}

#[test]
fn what_is_right_needs_no_leniency() {
    assert_eq!(check_leniently(&[]), (Ok(key()), vec![]));
    let mut tolerance = Tolerance::new(Strictness::Lenient);
    let chosen: &[(HeaderName, &[&str])] = &[(SEC_WEBSOCKET_PROTOCOL, &["chat"])];
    assert!(check_answer(&request(chosen), &key(), &answer(chosen), &mut tolerance).is_ok());
    assert_eq!(tolerance, Tolerance::new(Strictness::Lenient));
}

#[test]
fn a_lenient_request_may_lack_its_connection_header() {
    for connection in [&[][..], &["keep-alive"], &["close", ""]] {
        assert_eq!(check(&[(CONNECTION, connection)]), Err(BadHandshake::Connection), "{connection:?}");
        let lenient = check_leniently(&[(CONNECTION, connection)]);
        assert_eq!(lenient, (Ok(key()), vec![Leniency::Connection]), "{connection:?}");
    }
    assert_eq!(check_leniently(&[(UPGRADE, &["h2c"])]).0, Err(BadHandshake::Upgrade));
}

#[test]
fn a_lenient_key_is_any_text_and_its_accept_is_that_of_the_text() {
    // What the recipe of RFC 6455 §4.2.2 makes of these texts as they are.
    for (text, accept) in [
        ("short", "JQHdhQRrQ3pd0VAHx7vMGlEiL+4="),
        ("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "6WxilosY5EHvZmpGNwmkBDqV7Nc="),
        ("dGhlIHNhbXBsZSBub25jZQ!!", "3CY+tL+Wilagx2hjyUD1W9T9tZY="),
    ] {
        assert_eq!(check(&[(SEC_WEBSOCKET_KEY, &[text])]), Err(BadHandshake::KeyMalformed), "{text}");
        let (key, needed) = check_leniently(&[(SEC_WEBSOCKET_KEY, &[text])]);
        assert_eq!((key.unwrap().accept().as_str(), needed), (accept, vec![Leniency::Key]), "{text}");
    }
    assert_eq!(check_leniently(&[(SEC_WEBSOCKET_KEY, &[""])]).0, Err(BadHandshake::KeyMalformed));
    assert_eq!(check_leniently(&[(SEC_WEBSOCKET_KEY, &[])]).0, Err(BadHandshake::KeyMissing));
    assert_eq!(check_leniently(&[(SEC_WEBSOCKET_KEY, &[KEY, KEY])]).0, Err(BadHandshake::KeyRepeated));
}

#[test]
fn a_lenient_answer_may_choose_one_subprotocol_that_was_not_offered() {
    for offered in [&[][..], &["soap"], &["CHAT"]] {
        let mut tolerance = Tolerance::new(Strictness::Lenient);
        let offered = request(&[(SEC_WEBSOCKET_PROTOCOL, offered)]);
        let chosen = answer(&[(SEC_WEBSOCKET_PROTOCOL, &["chat"])]);
        assert_eq!(check_answer(&offered, &key(), &chosen, &mut tolerance), Ok(Extensions::None), "{offered:?}");
        assert_eq!(tolerance.needed().iter().collect::<Vec<_>>(), [Leniency::Subprotocol]);
        for several in [&["chat, soap"][..], &["chat", "chat"]] {
            let several = answer(&[(SEC_WEBSOCKET_PROTOCOL, several)]);
            let refused = check_answer(&offered, &key(), &several, &mut tolerance);
            assert_eq!(refused, Err(BadAnswer::SubprotocolRepeated));
        }
    }
}
