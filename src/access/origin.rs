//! Whether the page that asks is of a site that may: a browser opens a WebSocket for any page, with the cookies of whoever sits in
//! front of it (cross-site WebSocket hijacking, RFC 6455 §10.2).

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::config::{OriginPattern, OriginSettings, WithoutOrigin};
use crate::grammar::{Authority, Origin, Site, host_name};
use crate::health::Asked;

/// Whether a request may come from where it says it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginVerdict {
    /// It may.
    Allowed,
    /// It may not.
    Foreign,
    /// It has to say where it comes from, and does not.
    Missing,
}

/// Judges a request by these headers. A plain request without an Origin is let in in any case: browsers leave it out of what a site
/// asks of itself.
pub fn judge_origin(settings: &OriginSettings, headers: &HeaderMap, asked: Asked) -> OriginVerdict {
    let mut lines = headers.get_all(ORIGIN).iter();
    let (line, more) = (lines.next(), lines.next());
    let Some(line) = line else {
        let must_say = asked == Asked::Upgrade && settings.without == WithoutOrigin::Refuse;
        return if must_say { OriginVerdict::Missing } else { OriginVerdict::Allowed };
    };
    let origin = line.to_str().ok().and_then(Origin::parse);
    match (origin, more) {
        (Some(origin), None) if settings.allowed.iter().any(|pattern| allows(pattern, &origin, headers)) => {
            OriginVerdict::Allowed
        }
        _ => OriginVerdict::Foreign,
    }
}

fn allows(pattern: &OriginPattern, origin: &Origin, headers: &HeaderMap) -> bool {
    match (pattern, origin) {
        (OriginPattern::Null, Origin::Null) => true,
        (OriginPattern::Own, Origin::Site(site)) => is_own(site, headers),
        (OriginPattern::Exact(exact), Origin::Site(site)) => exact == site,
        (OriginPattern::Wildcard(domain), Origin::Site(site)) => {
            domain.scheme == site.scheme && domain.port == site.port && is_below(&site.host, &domain.host)
        }
        (OriginPattern::Null, Origin::Site(_))
        | (OriginPattern::Own | OriginPattern::Exact(_) | OriginPattern::Wildcard(_), Origin::Null) => false,
    }
}

/// Whether a page is of the host that its request is for. The scheme is not compared: who ends TLS in front of us may not say so.
fn is_own(site: &Site, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| Authority::parse(host.to_str().ok()?));
    host.is_some_and(|host| {
        let has_its_port = host.port.map_or(matches!(site.port, Some(80 | 443)), |port| Some(port) == site.port);
        has_its_port && host_name(host.host) == site.host
    })
}

/// Whether a name has at least one label in front of `domain`.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn settings(allowed: &[&str], without: WithoutOrigin) -> OriginSettings {
        let list = allowed.iter().map(|origin| format!("{origin:?}")).collect::<Vec<_>>().join(", ");
        let source = format!(
            "[listener.a]\nbind = \"127.0.0.1:0\"\n[upstream.a]\nendpoints = [\"127.0.0.1:1\"]\n\
             [route.a]\nupstream = \"a\"\nallowed_origins = [{list}]\n"
        );
        let settings = crate::config::parse(&source, std::path::Path::new("windlass.toml")).unwrap();
        OriginSettings { without, ..settings.routes["a"].access.origins.clone().unwrap() }
    }

    fn verdict(allowed: &[&str], origins: &[&'static str]) -> OriginVerdict {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("Chat.example.com"))]);
        headers.extend(origins.iter().map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
        judge_origin(&settings(allowed, WithoutOrigin::Pass), &headers, Asked::Upgrade)
    }

    fn is_allowed(allowed: &str, origin: &'static str) -> bool {
        verdict(&[allowed], &[origin]) == OriginVerdict::Allowed
    }

    #[test]
    fn an_exact_origin_is_its_scheme_host_and_port() {
        let allowed = "https://app.example.com";
        assert!(is_allowed(allowed, "https://app.example.com"));
        assert!(is_allowed(allowed, "https://APP.example.com:443"));
        for foreign in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://example.com",
            "https://app.example.com.evil.test",
            "https://evil-app.example.com",
            "https://app.example.com/",
            "null",
            "",
        ] {
            assert!(!is_allowed(allowed, foreign), "{foreign}");
        }
        assert!(is_allowed("http://localhost:3000", "http://localhost:3000"));
        assert!(!is_allowed("http://localhost:3000", "http://localhost"));
    }

    #[test]
    fn a_wildcard_is_any_name_below_and_not_the_domain_itself() {
        let allowed = "https://*.example.com";
        assert!(is_allowed(allowed, "https://a.example.com") && is_allowed(allowed, "https://a.b.example.com"));
        for foreign in [
            "https://example.com",
            "https://.example.com",
            "https://aexample.com",
            "http://a.example.com",
            "https://a.example.com:1",
        ] {
            assert!(!is_allowed(allowed, foreign), "{foreign}");
        }
    }

    #[test]
    fn a_page_of_the_host_that_it_asks_is_its_own() {
        assert!(is_allowed("self", "https://chat.example.com") && is_allowed("self", "http://CHAT.example.com"));
        assert!(!is_allowed("self", "https://chat.example.com:8443") && !is_allowed("self", "https://example.com"));
        assert!(!is_allowed("self", "null"));
    }

    #[test]
    fn a_page_of_no_site_is_let_in_only_by_name() {
        assert!(is_allowed("null", "null"));
        assert!(!is_allowed("https://null", "null"));
    }

    #[test]
    fn two_origins_are_none() {
        let twice = ["https://a.test", "https://a.test"];
        assert_eq!(verdict(&["https://a.test"], &twice), OriginVerdict::Foreign);
    }

    #[test]
    fn who_says_no_origin_is_judged_only_for_an_upgrade() {
        let without = |without, asked| judge_origin(&settings(&["self"], without), &HeaderMap::new(), asked);
        assert_eq!(without(WithoutOrigin::Pass, Asked::Upgrade), OriginVerdict::Allowed);
        assert_eq!(without(WithoutOrigin::Refuse, Asked::Upgrade), OriginVerdict::Missing);
        assert_eq!(without(WithoutOrigin::Refuse, Asked::Exchange), OriginVerdict::Allowed);
    }
}
