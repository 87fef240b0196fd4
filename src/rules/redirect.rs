//! Where a client is sent that asks at another place than it should.
//!
//! The place is always said whole, scheme and host included: of a path that begins with two slashes, a browser would take the beginning
//! for a host.

use http::{HeaderValue, StatusCode};

use super::path_change::with_prefix;
use crate::grammar::{Authority, Site};

/// `redirect` of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `http` or `https`; `None`: the one by which the client has asked.
    pub scheme: Option<&'static str>,
    /// The host; `None`: the one that was asked for.
    pub host: Option<Box<str>>,
    /// The port; `None`: the one that was asked for where scheme and host stay, else that of the scheme.
    pub port: Option<u16>,
    /// The path.
    pub path: NewPath,
    /// The query.
    pub query: QueryKept,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

/// The path of another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPath {
    /// The one that was asked for.
    Same,
    /// This one.
    Whole(Box<str>),
    /// The one that was asked for, with this in the place of what the route has matched.
    Prefix(Box<str>),
}

/// What becomes of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKept {
    /// It goes along.
    Keep,
    /// It is left out.
    Drop,
}

/// What a request is for, as its client sees it.
#[derive(Clone, Copy, Debug)]
pub struct RequestedPlace<'r> {
    /// `http` or `https`.
    pub scheme: &'r str,
    /// The host, and the port that is written.
    pub authority: Authority<'r>,
    /// The path, as it was sent.
    pub path: &'r str,
    /// The query, as it was sent.
    pub query: Option<&'r str>,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// There.
    To(HeaderValue),
    /// To where the client has just asked: it would ask again and again.
    Back,
}

impl Redirect {
    /// Where a request is sent that is for `asked`, of whose path the route has matched `prefix`.
    pub fn of(&self, asked: RequestedPlace<'_>, prefix: &str) -> Leads {
        let RequestedPlace { authority, path, query, .. } = asked;
        let scheme = self.scheme.unwrap_or(asked.scheme);
        let host = self.host.as_deref().unwrap_or(authority.host);
        let stays = scheme == asked.scheme && self.host.is_none();
        let port = self.port.or(authority.port.filter(|_| stays));
        let path = match &self.path {
            NewPath::Same => path.to_owned(),
            NewPath::Whole(new) => new.to_string(),
            NewPath::Prefix(new) => with_prefix(path, prefix, new).unwrap_or_else(|| path.to_owned()),
        };
        let query = query.filter(|_| self.query == QueryKept::Keep);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let site = format!("{scheme}://{host}{port}");
        if is_same_site(&site, asked) && path == asked.path && query == asked.query {
            return Leads::Back;
        }
        let mut place = site;
        push_encoded(&mut place, &path);
        if let Some(query) = query {
            place.push('?');
            push_encoded(&mut place, query);
        }
        // What is encoded is fit for a header.
        HeaderValue::try_from(place).map_or(Leads::Back, Leads::To)
    }
}

fn is_same_site(site: &str, asked: RequestedPlace<'_>) -> bool {
    let Authority { host, port } = asked.authority;
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Site::parse(site) == Site::parse(&format!("{}://{host}{port}", asked.scheme))
}

/// Appends what stands in a URI as it is, and everything else percent-encoded (RFC 3986 §2).
fn push_encoded(place: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte) {
            place.push(char::from(byte));
        } else {
            place.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HTTPS: Redirect = Redirect {
        scheme: Some("https"),
        host: None,
        port: None,
        path: NewPath::Same,
        query: QueryKept::Keep,
        status: StatusCode::PERMANENT_REDIRECT,
    };

    fn asked<'r>(scheme: &'r str, host: &'r str, path: &'r str, query: Option<&'r str>) -> RequestedPlace<'r> {
        RequestedPlace { scheme, authority: Authority::parse(host).unwrap(), path, query }
    }

    fn place(redirect: &Redirect, asked: RequestedPlace<'_>) -> Option<String> {
        match redirect.of(asked, "/old") {
            Leads::To(place) => Some(place.to_str().unwrap().to_owned()),
            Leads::Back => None,
        }
    }

    #[test]
    fn to_https_keeps_host_path_and_query_and_no_port() {
        for (host, path, query, expected) in [
            ("a.test", "/", None, "https://a.test/"),
            ("a.test:8080", "/x", Some("y=1"), "https://a.test/x?y=1"),
            ("[::1]:80", "/x", Some(""), "https://[::1]/x?"),
            ("a.test:", "/", None, "https://a.test/"),
            ("a.test:0443", "/", None, "https://a.test/"),
            ("a.test", "//evil.test/", None, "https://a.test//evil.test/"),
            ("a.test", "/\"é{", Some("<"), "https://a.test/%22%C3%A9%7B?%3C"),
        ] {
            assert_eq!(place(&HTTPS, asked("http", host, path, query)).as_deref(), Some(expected));
        }
        let port = Redirect { port: Some(8443), ..HTTPS };
        assert_eq!(place(&port, asked("http", "a.test:80", "/", None)).unwrap(), "https://a.test:8443/");
    }

    #[test]
    fn a_path_is_replaced_whole_or_by_its_prefix() {
        let to = |path, query| Redirect { scheme: None, path, query, ..HTTPS };
        let at = asked("http", "a.test:81", "/old/x", Some("q"));
        let prefix = to(NewPath::Prefix("/new".into()), QueryKept::Keep);
        assert_eq!(place(&prefix, at).unwrap(), "http://a.test:81/new/x?q");
        let stripped = to(NewPath::Prefix("/".into()), QueryKept::Drop);
        assert_eq!(place(&stripped, at).unwrap(), "http://a.test:81/x");
        let whole = to(NewPath::Whole("/start".into()), QueryKept::Drop);
        assert_eq!(place(&whole, at).unwrap(), "http://a.test:81/start");
        let elsewhere = Redirect { host: Some("b.test".into()), scheme: None, ..HTTPS };
        assert_eq!(place(&elsewhere, at).unwrap(), "http://b.test/old/x?q");
    }

    #[test]
    fn what_leads_back_is_seen() {
        assert_eq!(place(&HTTPS, asked("https", "a.test", "/", None)), None);
        assert_eq!(place(&HTTPS, asked("https", "A.test:443", "/", None)), None);
        let port = Redirect { port: Some(8443), ..HTTPS };
        assert!(place(&port, asked("https", "a.test", "/", None)).is_some());
        let host = Redirect { host: Some("a.test".into()), scheme: None, ..HTTPS };
        assert_eq!(place(&host, asked("http", "a.test.", "/", Some("x"))), None);
        assert!(place(&host, asked("http", "www.a.test", "/", None)).is_some());
    }

    proptest! {
        #[test]
        fn a_place_is_one_line_at_the_host_that_was_meant(path in "/\\PC{0,20}", query in proptest::option::of("\\PC{0,10}")) {
            let place = place(&HTTPS, asked("http", "a.test", &path, query.as_deref())).unwrap();
            prop_assert!(place.starts_with("https://a.test/") && place.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
