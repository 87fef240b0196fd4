//! What a client says of itself and of where it comes from: kept for the access log alone, where there is one.

use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};

use super::shortened::shortened;

/// What a client says of itself and of where it comes from; empty, where it says nothing.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) user_agent: String,
    /// Without its query: that is never in a log.
    pub(super) referer: String,
}

impl Visitor {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let referer = text(headers, &REFERER);
        let page = referer.split(['?', '#']).next().unwrap_or_default();
        Self { user_agent: text(headers, &USER_AGENT), referer: page.to_owned() }
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    shortened(&value.unwrap_or_default(), LONGEST)
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
}
