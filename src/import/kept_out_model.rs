//! A model of how nginx finds the location of a request: wherever it finds one that keeps out, what is written lets nobody through.

use std::path::Path;

use http::uri::PathAndQuery;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use regex::Regex;

use super::kept_out::imported;
use crate::config::{self, Destination, Settings};

/// A location: what is written before its path, that, and what stands in it.
type Location = (&'static str, &'static str, &'static str);

const PATHS: &[(&str, &str)] = &[
    ("", "/"),
    ("", "/a"),
    ("", "/a/"),
    ("", "/ab"),
    ("", "/a/b"),
    ("", "/a/b/"),
    ("", "/a*"),
    ("^~", "/b"),
    ("^~", "/b/a"),
    ("=", "/"),
    ("=", "/a"),
    ("=", "/a/b"),
    ("=", "/b"),
    ("~", "^/a"),
    ("~", "^/a/b(/|$)"),
    ("~", "b$"),
    ("~*", "^/B/.*a"),
    ("~", "/(?!ab)a"),
    ("~", "^/(a|b)/a"),
];

const OPEN: [&str; 4] = [
    "proxy_pass http://app;",
    "proxy_pass http://app/;",
    "proxy_pass http://app/c/;",
    "allow all; proxy_pass http://app;",
];

const GUARDED: [&str; 5] = [
    "deny all;",
    "auth_jwt x; proxy_pass http://app;",
    "root /x; deny all;",
    "return 404;",
    "if ($x) { return 400; } proxy_pass http://app;",
];

fn locations() -> impl Strategy<Value = Vec<Location>> {
    let inner = || prop_oneof![3 => select(&OPEN[..]), 2 => select(&GUARDED[..])];
    let paths = subsequence(PATHS, 1..=6).prop_shuffle();
    (paths, prop::collection::vec(inner(), 6)).prop_map(|(paths, inner)| {
        paths.into_iter().zip(inner).map(|((modifier, path), inner)| (modifier, path, inner)).collect()
    })
}

/// The one that nginx takes for `path`.
fn taken<'l>(locations: &'l [Location], path: &str) -> Option<&'l Location> {
    // It sends clients to what a location is for whose path ends with a slash that theirs lacks.
    let is_there = |it: &&Location| it.1 == path && !it.0.starts_with('~');
    let is_sent_on = |it: &&Location| it.1.strip_suffix('/') == Some(path) && it.2.contains("proxy_pass");
    if !locations.iter().any(|it| is_there(&it)) && locations.iter().any(|it| is_sent_on(&it)) {
        return None;
    }
    let exact = locations.iter().find(|(modifier, text, _)| *modifier == "=" && *text == path);
    let prefixes =
        locations.iter().filter(|(modifier, text, _)| ["", "^~"].contains(modifier) && path.starts_with(text));
    let prefix = prefixes.max_by_key(|(_, text, _)| text.len());
    let is_last = prefix.is_some_and(|(modifier, ..)| *modifier == "^~");
    let matches = |(modifier, text, _): &&Location| match *modifier {
        "~" if *text == "/(?!ab)a" => path.split("/a").skip(1).any(|behind| !behind.starts_with('b')),
        "~" => Regex::new(text).unwrap().is_match(path),
        "~*" => Regex::new(&format!("(?i){text}")).unwrap().is_match(path),
        _ => false,
    };
    exact.or(prefix.filter(|_| is_last)).or_else(|| locations.iter().find(matches)).or(prefix)
}

/// Whether a request for `path` comes to an endpoint.
fn is_let_through(settings: &Settings, path: &str) -> bool {
    let is_for = |of_route: &str| {
        of_route == "/" || path.strip_prefix(of_route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let routes = settings.routes.values().filter(|route| is_for(&route.path));
    let Some(route) = routes.max_by_key(|route| route.path.len()) else { return false };
    let target = PathAndQuery::try_from(path).unwrap();
    let is_path = route.rules.path_change.as_ref().is_none_or(|change| change.apply(&route.path, &target).is_ok());
    matches!(route.destination, Destination::Upstreams(_)) && is_path
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(select(vec!["/", "/", "/a", "a", "b", "/b", "B", "c", "*"]), 0..6)
        .prop_map(|parts| format!("/{}", parts.concat().trim_start_matches('/')).replace("//", "/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn whatever_nginx_keeps_out_comes_to_no_endpoint(locations in locations(), paths in prop::collection::vec(path(), 1..12)) {
        let written = locations.iter().map(|(modifier, path, inner)| format!("location {modifier} {path} {{ {inner} }}"));
        let source = format!("server {{ {} }}", written.collect::<Vec<_>>().join("\n"));
        let written = imported(&source);
        if written.has_routes {
            let settings = config::parse(&written.text, Path::new("windlass.toml")).unwrap();
            for path in paths {
                if let Some((_, _, inner)) = taken(&locations, &path) && GUARDED.contains(inner) {
                    prop_assert!(!is_let_through(&settings, &path), "{} of\n{}\n{}", path, source, written.text);
                }
            }
        }
    }
}
