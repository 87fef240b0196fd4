//! Where a page comes from, as its browser says it (RFC 6454 §6.2).

use super::{Authority, host_name, is_token};

/// What a browser says of the page that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `null`: a page of no site, such as a file, or one that is kept apart by a `sandbox`.
    Null,
    /// A page of this site.
    Site(Site),
}

/// A scheme, a host and a port, as they are compared with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// In lower case.
    pub scheme: String,
    /// In lower case, without the dot that a name may end with.
    pub host: String,
    /// That of the scheme where none is written; `None` where the scheme has none that is known.
    pub port: Option<u16>,
}

impl Origin {
    /// Reads the one value of an `Origin`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" { Some(Self::Null) } else { Site::parse(text).map(Self::Site) }
    }
}

impl Site {
    /// Reads `scheme://host:port`, and nothing behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let starts_well = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        let Authority { host, port } = Authority::parse(rest)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.or_else(|| default_port(&scheme));
        (starts_well && is_token(scheme.as_bytes())).then(|| Self { host: host_name(host).into_owned(), port, scheme })
    }
}

/// The port of a scheme that browsers know.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(scheme: &str, host: &str, port: Option<u16>) -> Option<Origin> {
        Some(Origin::Site(Site { scheme: scheme.into(), host: host.into(), port }))
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        assert_eq!(Origin::parse("https://app.example.com"), site("https", "app.example.com", Some(443)));
        assert_eq!(Origin::parse("HTTPS://App.Example.COM.:443"), site("https", "app.example.com", Some(443)));
        assert_eq!(Origin::parse("http://[::1]:8080"), site("http", "[::1]", Some(8080)));
        assert_eq!(Origin::parse("chrome-extension://abc"), site("chrome-extension", "abc", None));
        assert_eq!(Origin::parse("null"), Some(Origin::Null));
    }

    #[test]
    fn what_has_more_or_less_is_none() {
        for text in [
            "",
            "NULL",
            "example.com",
            "https://",
            "https:///",
            "https://a/",
            "https://a?b",
            "https://u@a",
            "://a",
            "1s://a",
            "https://a https://b",
            "https://a:x",
            "https://a:99999",
            "https://a#b",
            "ht tp://a",
            "https://a,https://b",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }
}
