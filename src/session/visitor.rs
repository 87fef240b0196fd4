//! What a client says of itself and of where it comes from: kept for the access log alone, where there is one.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};

use super::shortened::shortened;

/// What a client says of itself and of where it comes from; empty, where it says nothing.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) user_agent: String,
    /// Without its query, and without a name and password in front of its host: those are never in a log.
    pub(super) referer: String,
}

impl Visitor {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let referer = shortened(&page(&text(headers, &REFERER)), LONGEST);
        Self { user_agent: shortened(&text(headers, &USER_AGENT), LONGEST), referer }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Cow<'h, str> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default()
}

/// Which page it is, and nothing that is a secret of whoever looked at it.
fn page(referer: &str) -> String {
    let page = referer.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = page.split_once("//").map_or(("", page), |(scheme, rest)| (scheme, rest));
    let slashes = if rest.len() == page.len() { "" } else { "//" };
    let host_ends = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(host_ends).unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}{slashes}{host}{path}")
}

/// How much of each is kept, in bytes.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn where_a_client_comes_from_is_told_without_the_query() {
        let headers = HeaderMap::from_iter([
            (REFERER, HeaderValue::from_static("https://example.com/a?token=hush#x")),
            (USER_AGENT, HeaderValue::from_static("curl/8")),
        ]);
        let Visitor { user_agent, referer } = Visitor::of(&headers);
        assert_eq!((referer.as_str(), user_agent.as_str()), ("https://example.com/a", "curl/8"));
        assert_eq!(Visitor::of(&HeaderMap::new()).referer, "");
    }

    #[test]
    fn no_name_and_password_in_front_of_a_host_is_told() {
        let long = format!("https://ada:{}@example.com/a", "hush".repeat(LONGEST));
        for (sent, told) in [
            ("https://ada:hush@example.com/a/@b", "https://example.com/a/@b"),
            ("https://hush@hush@example.com", "https://example.com"),
            ("//hush@example.com/", "//example.com/"),
            ("hush@example.com/a", "example.com/a"),
            (r"https://hush@example.com\a@b", r"https://example.com\a@b"),
            (&long, "https://example.com/a"),
            ("https://example.com//a", "https://example.com//a"),
            ("android-app://com.example/", "android-app://com.example/"),
        ] {
            let headers = HeaderMap::from_iter([(REFERER, HeaderValue::from_str(sent).unwrap())]);
            assert_eq!(Visitor::of(&headers).referer, told, "{sent}");
        }
    }
}
