//! Which route a request takes that is spelled as endpoints may read it: its path tidied up, and held against the tidied paths of routes.
//!
//! Of a path with dot segments nobody knows what an endpoint resolves, and when; nor whether the beginning of one with two slashes is taken
//! for a host. But whatever it comes to begins with one of its own segments: so it is asked whether any of them begins the path of some route.

use std::collections::HashSet;

use super::routes::{RouteTable, Rule};
use crate::config::ListenerName;
use crate::rules::{Subject, TidiedPath};

/// Finds routes by tidied paths. `T` is whatever stands for a route.
#[derive(Clone, Debug)]
pub struct Spellings<T> {
    tidied: RouteTable<T>,
    /// Of routes whose path is not `/`, the first segment alone.
    beginnings: RouteTable<T>,
    first_segments: HashSet<Box<str>>,
}

impl<T: Clone> Spellings<T> {
    /// Those of `routes`.
    pub fn new<'a>(routes: impl IntoIterator<Item = (Rule<'a>, T)>) -> Self {
        let routes: Vec<_> = routes.into_iter().map(|(rule, route)| (rule, TidiedPath::of(rule.path), route)).collect();
        let tidied = routes.iter().map(|(rule, path, route)| (Rule { path: path.as_str(), ..*rule }, route.clone()));
        let tidied = RouteTable::new(tidied);
        let begun: Vec<_> = routes
            .iter()
            .filter_map(|(rule, path, route)| Some((rule, path.segments().next()?.to_owned(), route.clone())))
            .map(|(rule, segment, route)| (rule, format!("/{segment}"), segment.into_boxed_str(), route))
            .collect();
        let beginnings = begun.iter().map(|(rule, path, _, route)| (Rule { path, ..**rule }, route.clone()));
        let beginnings = RouteTable::new(beginnings);
        let first_segments = begun.into_iter().map(|(_, _, segment, _)| segment).collect();
        Self { tidied, beginnings, first_segments }
    }

    /// The route of a request whose endpoint reads `path`, taken without its dots.
    pub fn find(&self, listener: &ListenerName, host: &str, path: &TidiedPath, request: Subject<'_>) -> Option<&T> {
        self.tidied.find(listener, host, path.as_str(), request)
    }

    /// Whether `path` comes to that of a route other than one for `/`, however much of its dots is resolved and wherever it begins; at times it is said of one
    /// that does not.
    pub fn may_lead_below(&self, listener: &ListenerName, host: &str, path: &TidiedPath, request: Subject<'_>) -> bool {
        let mut known = path.segments().filter(|segment| self.first_segments.contains(*segment));
        known.any(|segment| self.beginnings.find(listener, host, &format!("/{segment}"), request).is_some())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;
    use crate::config::HostPattern;
    use crate::rules::is_plain;

    const NOBODY: &[HostPattern] = &[];

    fn rule(path: &str) -> Rule<'_> {
        Rule { hosts: NOBODY, listeners: &[], path, conditions: None }
    }

    fn asked<R>(look: impl FnOnce(&ListenerName, Subject<'_>) -> R) -> R {
        let (method, headers) = (Method::GET, HeaderMap::new());
        look(&"public".into(), Subject { method: &method, headers: &headers, query: None })
    }

    struct Site<'p> {
        paths: &'p [&'p str],
        table: RouteTable<usize>,
        spellings: Spellings<usize>,
    }

    impl<'p> Site<'p> {
        fn of(paths: &'p [&'p str]) -> Self {
            let rules = || paths.iter().enumerate().map(|(at, path)| (rule(path), at));
            Self { paths, table: RouteTable::new(rules()), spellings: Spellings::new(rules()) }
        }

        fn found(&self, path: &str) -> Option<usize> {
            asked(|listener, request| self.table.find(listener, "a", path, request).copied())
        }

        /// Whether a request is let through, as far as spellings go.
        fn lets_through(&self, path: &str) -> bool {
            let Some(route) = self.found(path) else { return false };
            if is_plain(path) {
                return true;
            }
            let tidied = TidiedPath::of(path);
            asked(|listener, request| {
                let is_unsure = tidied.has_dot_segments() || tidied.begins_with_host();
                let leads_out = is_unsure
                    && (self.paths[route] != "/" || self.spellings.may_lead_below(listener, "a", &tidied, request));
                !leads_out && self.spellings.find(listener, "a", &tidied, request) == Some(&route)
            })
        }
    }

    #[test]
    fn another_spelling_of_a_guarded_path_does_not_pass() {
        let site = Site::of(&["/", "/admin", "/api/v1", "/a%20b"]);
        for path in [
            "/x/../admin",
            "//admin",
            "/%61dmin",
            "/admin;x",
            "/x/..;/admin",
            "/x\\..\\admin",
            "/admin/..;/x",
            "//admin/..;/x",
            "/./admin",
            "/api//v1",
            "/api;x/v1/y",
            "/a%20%62/x",
            "//x/admin",
            "/\\x/admin",
            "///x/admin",
            "//u:p@x:1/admin/y",
            "/%2fx/admin",
        ] {
            assert!(!site.lets_through(path), "{path}");
        }
        for path in [
            "/x/../y",
            "/files/a%20b",
            "//x",
            "//x/y",
            "/x//admin",
            "/a%20b/c",
            "/admin/x;y",
            "/admin//x",
            "/api/%76",
            "/%2561dmin",
        ] {
            assert!(site.lets_through(path), "{path}");
        }
    }

    /// What an endpoint may do to a path before it looks who is to serve it.
    type Step = fn(&str) -> String;

    fn decode(path: &str) -> String {
        let (mut text, mut rest) = (String::new(), path);
        while let Some((before, behind)) = rest.split_once('%') {
            text.push_str(before);
            let decoded = behind.split_at_checked(2).and_then(|(digits, behind)| {
                let byte = u8::from_str_radix(digits, 16).ok()?;
                Some((char::from(byte), behind))
            });
            let (character, behind) = decoded.unwrap_or(('%', behind));
            text.push(character);
            rest = behind;
        }
        text + rest
    }

    fn decode_dots(path: &str) -> String {
        path.replace("%2e", ".").replace("%2E", ".")
    }

    fn turn(path: &str) -> String {
        path.replace('\\', "/")
    }

    fn cut(path: &str) -> String {
        path.split('/').map(|segment| segment.split(';').next().unwrap()).collect::<Vec<_>>().join("/")
    }

    fn merge(path: &str) -> String {
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        format!("/{}", segments.join("/"))
    }

    fn resolve(path: &str) -> String {
        let mut kept = Vec::new();
        for segment in path.split('/').skip(1) {
            match segment {
                "." => {}
                ".." => drop(kept.pop()),
                other => kept.push(other),
            }
        }
        format!("/{}", kept.join("/"))
    }

    fn take_off_host(path: &str) -> String {
        let Some(rest) = path.strip_prefix("//") else { return path.to_owned() };
        let rest = rest.trim_start_matches('/');
        rest.split_once('/').map_or_else(|| "/".to_owned(), |(_, path)| format!("/{path}"))
    }

    const STEPS: [Step; 7] = [decode, decode_dots, turn, cut, merge, resolve, take_off_host];

    proptest! {
        #[test]
        fn whatever_an_endpoint_makes_of_a_path_that_passes_is_of_the_same_route(
            paths in subsequence(vec!["/", "/a", "/a/b", "/b", "/b/a/b"], 1..=5),
            path in prop::collection::vec(
                select(vec!["/", "/", "a", "b", "/a", "/b", "..", ".", "/..", "%2e", ";", ";a", "\\", "%2f", "%5c", "%3b", "%61", "%62"]),
                0..9,
            ),
            steps in Just(STEPS.to_vec()).prop_shuffle(),
            count in 0..=STEPS.len(),
        ) {
            let site = Site::of(&paths);
            let path = format!("/{}", path.concat());
            if site.lets_through(&path) {
                let read = steps[..count].iter().fold(path.clone(), |path, step| step(&path));
                prop_assert_eq!(site.found(&read), site.found(&path), "{} is read as {}", path, read);
            }
        }
    }
}
