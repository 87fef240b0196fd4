//! What a server is asked: the headers of the request that may decide, and what the request is for.

use http::header::{ACCEPT, FORWARDED, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use crate::config::{AuthorizeSettings, ForwardedHeaders, is_of_one_message};
use crate::http::forward::{self, Arrival};
use crate::http::hops::WINDLASS_HOPS;

/// What of a request a question is made of.
#[derive(Clone, Copy, Debug)]
pub struct About<'r> {
    /// How the client asks.
    pub method: &'r Method,
    /// For what.
    pub target: &'r Uri,
    /// What it says beside that.
    pub headers: &'r HeaderMap,
    /// The connection that it came by.
    pub arrival: Arrival,
}

/// What is said in a question, as long as anybody may want to ask it. Nothing of the request's buffer is held on to.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// What the client said that may decide.
    sent: Headers,
    /// What it asks for.
    request: Headers,
}

/// Names and values, in order.
type Headers = Box<[(HeaderName, HeaderValue)]>;

impl Question {
    /// The question of a request, where `settings` say what is sent.
    pub fn new(settings: &AuthorizeSettings, about: &About<'_>) -> Self {
        let is_sent = |name: &HeaderName| {
            settings.send.iter().any(|pattern| pattern.matches(name)) && !is_of_one_message(name) && !is_ours(name)
        };
        let sent = about.headers.iter().filter(|(name, _)| is_sent(name));
        Self { sent: copied(sent), request: copied(request(about).iter()) }
    }

    /// The question that says [these](Self::headers).
    pub(super) fn of_headers(sent: Headers, request: Headers) -> Self {
        Self { sent, request }
    }

    /// What the client said that may decide, and what it asks for.
    pub(super) fn headers(&self) -> [&[(HeaderName, HeaderValue)]; 2] {
        [&self.sent, &self.request]
    }

    /// What of the client's it says, by which two questions are the same.
    pub fn credential(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.sent.iter().map(|(name, value)| (name, value))
    }

    /// As it is asked now, where `settings` say who is asked, and how.
    pub fn ask<B>(&self, settings: &AuthorizeSettings, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = settings.method.clone();
        // `config` has read both.
        *request.uri_mut() = settings.url.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::from_str(&settings.url.host) {
            headers.insert(HOST, host);
        }
        for (name, value) in self.request.iter().chain(&self.sent) {
            headers.append(name, value.clone());
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.entry(USER_AGENT).or_insert(AGENT);
        request
    }
}

impl std::fmt::Debug for Question {
    /// Its values are credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("sent", &self.sent.iter().map(|(name, _)| name).collect::<Vec<_>>()).finish()
    }
}

/// What a request asks for, as Traefik and nginx have servers told of it. It is what endpoints are told of the client, and the
/// request beside that.
fn request(about: &About<'_>) -> HeaderMap {
    let About { method, target, headers, arrival } = *about;
    let is_told = |name: &HeaderName| [HOST, FORWARDED].contains(name) || name.as_str().starts_with("x-forwarded-");
    let mut said = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_told(name)) {
        said.append(name, value.clone());
    }
    forward::request(&mut said, Arrival { written: ForwardedHeaders::XForwarded, ..arrival }, None);
    forward::remove(&mut said, |name| !is_ours(name));
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    let uri = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let text = |name: &HeaderName| said.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (proto, of_client) = (text(&X_FORWARDED_PROTO), text(&X_FORWARDED_HOST));
    let url = HeaderValue::from_str(&format!("{proto}://{of_client}{path}"));
    // A WebSocket over HTTP/2 is a CONNECT (RFC 8441), and is not what any rule of such a server speaks of.
    let method = if *method == Method::CONNECT { &Method::GET } else { method };
    let method = HeaderValue::from_str(method.as_str()).unwrap_or(HeaderValue::from_static("GET"));
    if let Some(hops) = headers.get(WINDLASS_HOPS) {
        // A URL that leads back to its own route would be asked for ever.
        said.insert(WINDLASS_HOPS, hops.clone());
    }
    said.insert(X_FORWARDED_METHOD, method.clone());
    said.insert(X_FORWARDED_URI, uri.clone());
    said.insert(X_ORIGINAL_METHOD, method);
    said.insert(X_ORIGINAL_URI, uri);
    if let Ok(url) = url {
        said.insert(X_ORIGINAL_URL, url);
    }
    said
}

/// Whether a field is one that we say.
fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-") || name.starts_with("x-original-")
}

fn copied<'a>(headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Headers {
    // What a request brought stands in the buffer of its whole head.
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
    headers.filter_map(|(name, value)| Some((name.clone(), copy(value)?))).collect()
}

const AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass-authorize/", env!("CARGO_PKG_VERSION")));

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::settings;
    use super::*;
    use crate::http::forward::{Scheme, Trust};

    const NOBODY: Trust = Trust::Untrusted;

    fn asked(keys: &str, trust: Trust, headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let settings = settings(keys);
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let arrival =
            Arrival { peer: [192, 0, 2, 7].into(), trust, scheme: Scheme::Https, written: ForwardedHeaders::Forwarded };
        let (method, target) = (Method::CONNECT, Uri::from_static("/chat/room?a=b%20c"));
        let about = About { method: &method, target: &target, headers: &headers, arrival };
        let request = Question::new(&settings, &about).ask(&settings, ());
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines = vec![format!("{} {}", request.method(), request.uri())];
        lines.extend(request.headers().iter().map(line));
        lines.sort();
        lines
    }

    #[test]
    fn a_question_says_what_is_asked_for_and_by_whom() {
        let headers = [
            ("host", "chat.test"),
            ("cookie", "session=1"),
            ("authorization", "Bearer x"),
            ("accept", "text/html"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade, cookie, x-forwarded-for"),
            ("content-length", "5"),
        ];
        let expected = [
            "GET /auth?x=y",
            "accept: */*",
            "authorization: Bearer x",
            "cookie: session=1",
            "host: 127.0.0.1:9000",
            &format!("user-agent: windlass-authorize/{}", env!("CARGO_PKG_VERSION")),
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: chat.test",
            "x-forwarded-method: GET",
            "x-forwarded-port: 443",
            "x-forwarded-proto: https",
            "x-forwarded-uri: /chat/room?a=b%20c",
            "x-original-method: GET",
            "x-original-uri: /chat/room?a=b%20c",
            "x-original-url: https://chat.test/chat/room?a=b%20c",
        ];
        assert_eq!(asked("", NOBODY, &headers), expected);
    }

    #[test]
    fn nothing_that_a_stranger_says_of_the_request_is_believed() {
        let headers = [
            ("host", "chat.test"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "admin.test"),
            ("x-forwarded-uri", "/public"),
            ("x-forwarded-method", "OPTIONS"),
            ("x-forwarded-user", "admin"),
            ("x-original-url", "https://admin.test/public"),
            ("x-original-remote", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
        ];
        let lines = asked("send = [\"x-forwarded-*\", \"x-original-*\"]", NOBODY, &headers);
        assert!(lines.iter().all(|line| !line.contains("admin") && !line.contains("10.0.0.1")), "{lines:?}");
        assert!(lines.contains(&"x-forwarded-uri: /chat/room?a=b%20c".to_owned()), "{lines:?}");
        let lines = asked("", Trust::Trusted, &headers);
        assert!(lines.contains(&"x-forwarded-for: 10.0.0.1, 192.0.2.7".to_owned()), "{lines:?}");
        assert!(lines.contains(&"x-original-url: https://admin.test/chat/room?a=b%20c".to_owned()), "{lines:?}");
        assert!(lines.contains(&"x-forwarded-method: GET".to_owned()), "{lines:?}");
    }

    #[test]
    fn what_is_sent_is_what_is_named() {
        let headers =
            [("x-key", "1"), ("x-session-a", "2"), ("x-session-b", "3"), ("cookie", "a=b"), ("te", "trailers")];
        let lines = asked("send = [\"x-key\", \"x-session-*\", \"accept\"]", NOBODY, &headers);
        let own: Vec<_> =
            lines.iter().filter(|line| line.starts_with("x-key") || line.starts_with("x-session")).collect();
        assert_eq!(own, ["x-key: 1", "x-session-a: 2", "x-session-b: 3"]);
        assert!(lines.iter().all(|line| !line.starts_with("cookie") && !line.starts_with("te:")), "{lines:?}");
    }

    #[test]
    fn a_credential_is_the_headers_that_are_sent_and_nothing_else() {
        let settings = settings("");
        let question = |cookie: &'static str, path: &'static str| {
            let headers = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_static(cookie))]);
            let arrival = Arrival {
                peer: [192, 0, 2, 7].into(),
                trust: NOBODY,
                scheme: Scheme::Http,
                written: ForwardedHeaders::XForwarded,
            };
            let about = About { method: &Method::GET, target: &Uri::from_static(path), headers: &headers, arrival };
            let question = Question::new(&settings, &about);
            question.credential().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
        };
        assert_eq!(question("a=1", "/x"), question("a=1", "/y"));
        assert_ne!(question("a=1", "/x"), question("a=2", "/x"));
        assert!(!format!("{:?}", question("a=1", "/x")).is_empty());
    }
}
