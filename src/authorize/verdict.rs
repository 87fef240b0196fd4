//! What an answer means for the request that was asked about.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, SET_COOKIE, TRAILER, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName, Response, StatusCode};
use thiserror::Error;

use crate::config::{AuthorizeSettings, HeaderPattern, is_of_one_message};
use crate::http::forward;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request may enter.
    Granted(Box<Grant>),
    /// It may not: the client gets this answer.
    Denied,
}

/// What somebody has who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// What the endpoint is told.
    pub for_endpoint: HeaderMap,
    /// What the client gets with its answer.
    pub for_client: HeaderMap,
    /// Until when it is, in seconds since 1970; `None`: nobody says.
    pub until: Option<u64>,
}

/// An answer that says neither.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Nonsense {
    /// Of this status.
    #[error("the answer is {0}, which is neither yes nor no")]
    Status(StatusCode),
    /// Its time is none.
    #[error("{0} holds no time: it is neither seconds since 1970 nor a date of HTTP")]
    BadTime(HeaderName),
    /// It says yes, until a time that has passed.
    #[error("{0} holds a time that has passed")]
    Past(HeaderName),
}

/// What the answer with this head means at `now`, in seconds since 1970.
///
/// # Errors
/// Why it means nothing.
pub fn judge(settings: &AuthorizeSettings, head: &Parts, now: u64) -> Result<Verdict, Nonsense> {
    match head.status {
        status if status.is_success() => {}
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => return Ok(Verdict::Denied),
        status => return Err(Nonsense::Status(status)),
    }
    let grant = Grant {
        for_endpoint: chosen(&head.headers, &settings.take),
        for_client: chosen(&head.headers, &settings.take_to_client),
        until: settings
            .expires_header
            .as_ref()
            .and_then(|name| until(&head.headers, name, now).transpose())
            .transpose()?,
    };
    Ok(Verdict::Granted(Box::new(grant)))
}

/// The answer that the client gets who is not let in: the server's own, as far as it is not about its connection with us.
pub fn passed_on(mut head: Parts, body: Bytes) -> Response<Bytes> {
    forward::response(&mut head.headers, None);
    forward::remove(&mut head.headers, |name| [CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].contains(name));
    let mut answer = Response::new(body);
    *answer.status_mut() = head.status;
    *answer.headers_mut() = head.headers;
    answer
}

fn chosen(headers: &HeaderMap, patterns: &[HeaderPattern]) -> HeaderMap {
    let mut chosen = HeaderMap::new();
    let is_chosen =
        |name: &HeaderName| patterns.iter().any(|pattern| pattern.matches(name)) && !is_of_one_message(name);
    for (name, value) in headers.iter().filter(|(name, _)| is_chosen(name)) {
        chosen.append(name, value.clone());
    }
    chosen
}

fn until(headers: &HeaderMap, name: &HeaderName, now: u64) -> Result<Option<u64>, Nonsense> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), more) = (lines.next(), lines.next()) else { return Ok(None) };
    let time = more.is_none().then(|| line.to_str().ok().and_then(read_time)).flatten();
    match time {
        None => Err(Nonsense::BadTime(name.clone())),
        Some(time) if time <= now => Err(Nonsense::Past(name.clone())),
        Some(time) => Ok(Some(time)),
    }
}

/// Seconds since 1970, of a number or of a date of HTTP (RFC 9110 §5.6.7).
fn read_time(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Puts these headers where others of their names stood; cookies stand beside one another.
pub fn put(headers: &mut HeaderMap, added: &HeaderMap) {
    for name in added.keys() {
        if *name != SET_COOKIE {
            headers.remove(name);
        }
        for value in added.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// What these keys of `authorize` mean.
    pub(in super::super) fn settings(keys: &str) -> AuthorizeSettings {
        let source = format!(
            "[listener.a]\nbind = \"127.0.0.1:0\"\n[upstream.a]\nendpoints = [\"127.0.0.1:1\"]\n\
             [route.a]\nupstream = \"a\"\n[route.a.authorize]\nurl = \"http://127.0.0.1:9000/auth?x=y\"\n{keys}\n"
        );
        let settings =
            crate::config::parse(&source, Path::new("windlass.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        settings.routes["a"].access.authorize.clone().unwrap()
    }

    fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(()).unwrap().into_parts().0
    }

    fn judged(keys: &str, status: u16, headers: &[(&str, &str)]) -> Result<Verdict, Nonsense> {
        judge(&settings(keys), &head(status, headers), 1_000)
    }

    fn granted(keys: &str, headers: &[(&str, &str)]) -> Grant {
        match judged(keys, 200, headers) {
            Ok(Verdict::Granted(grant)) => *grant,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_says_yes_is_yes() {
        for status in 100..=599 {
            let verdict = judged("", status, &[]);
            match status {
                200..=299 => assert!(matches!(verdict, Ok(Verdict::Granted(_))), "{status}"),
                301 | 302 | 303 | 307 | 308 | 401 | 403 => assert_eq!(verdict, Ok(Verdict::Denied), "{status}"),
                _ => assert!(matches!(verdict, Err(Nonsense::Status(_))), "{status}"),
            }
        }
    }

    #[test]
    fn the_endpoint_gets_what_is_taken_and_the_client_its_cookies() {
        let answer = [
            ("x-user", "ann"),
            ("x-auth-groups", "a"),
            ("x-auth-groups", "b"),
            ("x-other", "c"),
            ("set-cookie", "one=1"),
            ("set-cookie", "two=2"),
            ("connection", "x-user"),
            ("content-length", "0"),
        ];
        let Grant { for_endpoint, for_client, until } = granted("take = [\"X-User\", \"x-auth-*\", \"c*\"]", &answer);
        let lines = |headers: &HeaderMap| {
            headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(lines(&for_endpoint), ["x-user=ann", "x-auth-groups=a", "x-auth-groups=b"]);
        assert_eq!(lines(&for_client), ["set-cookie=one=1", "set-cookie=two=2"]);
        assert_eq!(until, None);
        assert_eq!(granted("take_to_client = []", &answer), Grant::default());
    }

    #[test]
    fn a_time_is_seconds_or_a_date_and_must_be_to_come() {
        let keys = "expires_header = \"x-auth-expires\"";
        let until = |value: &str| granted(keys, &[("x-auth-expires", value)]).until;
        assert_eq!(until("1001"), Some(1001));
        assert_eq!(until("Thu, 01 Jan 1970 01:00:00 GMT"), Some(3600));
        assert_eq!(granted(keys, &[]).until, None);
        assert_eq!(granted("", &[("x-auth-expires", "1")]).until, None);
        for past in ["1000", "0", "Thu, 01 Jan 1970 00:00:01 GMT"] {
            assert!(matches!(judged(keys, 200, &[("x-auth-expires", past)]), Err(Nonsense::Past(_))), "{past}");
        }
        for bad in ["", "soon", "-1", "+3600", "1e9", "3600s", "99999999999999999999999"] {
            assert!(matches!(judged(keys, 200, &[("x-auth-expires", bad)]), Err(Nonsense::BadTime(_))), "{bad}");
        }
        let twice = [("x-auth-expires", "2000"), ("x-auth-expires", "3000")];
        assert!(matches!(judged(keys, 200, &twice), Err(Nonsense::BadTime(_))));
    }

    #[test]
    fn a_refusal_passes_with_what_it_says_to_the_client() {
        let answer = head(
            401,
            &[
                ("www-authenticate", "Basic realm=\"x\""),
                ("set-cookie", "a=b"),
                ("content-type", "text/html"),
                ("connection", "x-own"),
                ("x-own", "1"),
                ("keep-alive", "timeout=5"),
                ("proxy-authenticate", "Basic"),
                ("transfer-encoding", "chunked"),
                ("content-length", "7"),
            ],
        );
        let passed = passed_on(answer, Bytes::from_static(b"log in"));
        let names: Vec<_> = passed.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["www-authenticate", "set-cookie", "content-type"]);
        assert_eq!((passed.status().as_u16(), &passed.body()[..]), (401, &b"log in"[..]));
    }

    #[test]
    fn what_is_put_takes_the_place_of_others_and_cookies_do_not() {
        let pairs = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            headers
        };
        let mut headers = pairs(&[("set-cookie", "a"), ("x-a", "1"), ("x-a", "2")]);
        put(&mut headers, &pairs(&[("set-cookie", "b"), ("x-a", "3")]));
        assert_eq!(headers, pairs(&[("set-cookie", "a"), ("set-cookie", "b"), ("x-a", "3")]));
    }

    proptest! {
        #[test]
        fn any_time_is_read_or_refused(text in "[ -~]{0,40}", now: u64) {
            let settings = settings("expires_header = \"x-t\"");
            if let Ok(Verdict::Granted(grant)) = judge(&settings, &head(200, &[("x-t", text.as_str())]), now) {
                prop_assert!(grant.until.is_some_and(|until| until > now));
            }
        }
    }
}
