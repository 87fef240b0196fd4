//! Tokens that are found, and taken out, wherever they are.

use std::fmt::Write;

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use proptest::prelude::*;

use super::token_tests::settings;
use super::{TokenFault, take_token};

/// What `from` finds in such headers and target, and what is left of them.
fn taken(from: &str, lines: &[(HeaderName, &str)], target: &str) -> (Result<String, TokenFault>, HeaderMap, String) {
    let mut headers = HeaderMap::new();
    for (name, line) in lines {
        headers.append(name, HeaderValue::from_str(line).unwrap());
    }
    let mut uri: Uri = target.parse().unwrap();
    let token = take_token(&settings(from), &mut headers, &mut uri);
    (token.map(|token| String::from_utf8(token.to_vec()).unwrap()), headers, uri.to_string())
}

const EVERYWHERE: &str = "from = [\"header:authorization\", \"header:x-token\", \"cookie:t\", \"query:token\", \"protocol:bearer.\", \"protocol:access_token\"]";

#[test]
fn the_first_place_with_a_token_decides_and_all_of_them_are_emptied() {
    let x_token = HeaderName::from_static("x-token");
    let all = [
        (AUTHORIZATION, "bearer one"),
        (x_token.clone(), "two"),
        (COOKIE, "a=b; t=three; c=d"),
        (COOKIE, "t=three"),
        (SEC_WEBSOCKET_PROTOCOL, "chat, bearer.five"),
        (SEC_WEBSOCKET_PROTOCOL, "access_token, six, v2"),
    ];
    let (token, headers, target) = taken(EVERYWHERE, &all, "/ws?a=1&to%6ben=four&b=%20&token=");
    assert_eq!(token.as_deref(), Ok("one"));
    assert!(!headers.contains_key(AUTHORIZATION) && !headers.contains_key(x_token));
    assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=b; c=d"]);
    assert_eq!(headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().collect::<Vec<_>>(), ["chat, v2"]);
    assert_eq!(target, "/ws?a=1&b=%20");
    for (lines, target, expected) in [
        (&all[2..3], "/", "three"),
        (&all[4..5], "/?token=four", "four"),
        (&all[4..5], "/", "five"),
        (&all[5..], "/", "six"),
    ] {
        assert_eq!(taken(EVERYWHERE, lines, target).0.as_deref(), Ok(expected));
    }
}

#[test]
fn what_is_no_token_stays_where_it_is() {
    let basic = (AUTHORIZATION, "Basic dTpw");
    let (token, headers, target) = taken(EVERYWHERE, &[basic], "/?tokens=1&a=token");
    assert_eq!((token, target.as_str()), (Err(TokenFault::Missing), "/?tokens=1&a=token"));
    assert_eq!(headers[AUTHORIZATION], "Basic dTpw");
    let (token, headers, _) = taken("", &[(SEC_WEBSOCKET_PROTOCOL, "chat"), (COOKIE, "t=x")], "/?token=x");
    assert_eq!((token, headers.len()), (Err(TokenFault::Missing), 2));
}

#[test]
fn an_offer_of_nothing_but_a_token_is_no_offer() {
    let (token, headers, _) = taken(EVERYWHERE, &[(SEC_WEBSOCKET_PROTOCOL, "bearer.x")], "/");
    assert_eq!((token.as_deref(), headers.len()), (Ok("x"), 0));
}

#[test]
fn two_tokens_in_one_place_are_none() {
    let twice = [(AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer b")];
    assert_eq!(taken(EVERYWHERE, &twice, "/").0, Err(TokenFault::Malformed));
    assert_eq!(taken(EVERYWHERE, &[], "/?token=a&token=b").0, Err(TokenFault::Malformed));
    let huge = "x".repeat(16 * 1024 + 1);
    assert_eq!(taken(EVERYWHERE, &[(AUTHORIZATION, &format!("Bearer {huge}"))], "/").0, Err(TokenFault::Malformed));
}

#[test]
fn whatever_blank_is_behind_the_scheme_what_follows_is_a_token() {
    for line in ["Bearer\tS3", "bearer \t S3\t", "BEARER\t\tS3", "Bearer  S3"] {
        let (token, headers, _) = taken(EVERYWHERE, &[(AUTHORIZATION, line)], "/");
        assert_eq!((token.as_deref(), headers.len()), (Ok("S3"), 0), "{line:?}");
    }
    let (token, headers, _) = taken(EVERYWHERE, &[(AUTHORIZATION, "BearerS3")], "/");
    assert_eq!((token, headers.len()), (Err(TokenFault::Missing), 1), "another scheme");
}

#[test]
fn what_is_behind_the_name_of_a_pair_goes_however_often_that_is_said() {
    let offered = "access_token, access_token, S3, chat, access_token";
    let lines = [(AUTHORIZATION, "Bearer one"), (SEC_WEBSOCKET_PROTOCOL, offered)];
    let (token, headers, _) = taken(EVERYWHERE, &lines, "/");
    assert_eq!((token.as_deref(), &headers[SEC_WEBSOCKET_PROTOCOL]), (Ok("one"), &HeaderValue::from_static("chat")));
}

#[test]
fn a_token_that_is_kept_goes_on_with_its_request() {
    let kept = format!("{EVERYWHERE}\nkeep_token = true");
    let (token, headers, target) = taken(&kept, &[(AUTHORIZATION, "Bearer a")], "/?token=b");
    assert_eq!((token.as_deref(), target.as_str()), (Ok("a"), "/?token=b"));
    assert_eq!(headers[AUTHORIZATION], "Bearer a");
}

proptest! {
    #[test]
    fn whatever_is_sent_no_token_goes_on(
        cookie in "[a-c=; t]{0,24}",
        protocols in "([a-b]{0,3}, ?){0,2}(bearer\\.S3|access_token, ?S3)?(, ?[a-b]{0,3}){0,2}",
        query in "[a-b&=]{0,8}(&token=S3)?[a-b&=]{0,8}",
    ) {
        let mut target = "/?".to_owned();
        write!(target, "{query}").unwrap();
        let lines = [(COOKIE, &*format!("{cookie};t=S3")), (SEC_WEBSOCKET_PROTOCOL, &*protocols)];
        let (_, headers, target) = taken(EVERYWHERE, &lines, &target);
        let left = format!("{headers:?} {target}");
        prop_assert!(!left.contains("S3"), "{left}");
    }
}
