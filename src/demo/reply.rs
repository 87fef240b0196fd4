//! The answers of a demo endpoint: heads that no cache keeps and no browser misreads, bodies that stream.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

/// Every answer's body.
pub(super) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

const PAGE: &str = include_str!("page.html");
/// The page is one file: nothing is loaded from elsewhere, nobody may frame its buttons.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Between two events of the stream.
const TICK: Duration = Duration::from_secs(1);

/// The page of the demo.
pub(super) fn page() -> Response<Body> {
    let mut response = with(StatusCode::OK, "text/html; charset=utf-8", full(PAGE));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}

/// A few words.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    with(status, "text/plain; charset=utf-8", full(text))
}

/// `value`, for people to read: over several lines.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut text = serde_json::to_string_pretty(value).expect("only types with string keys are answered");
    text.push('\n');
    with(status, "application/json", full(text))
}

/// The request's body, as it comes. Always as plain text: an echo must not become somebody's script.
pub(super) fn echo(body: Incoming) -> Response<Body> {
    with(StatusCode::OK, "text/plain; charset=utf-8", body.boxed_unsync())
}

/// Server-Sent Events that tell the seconds, until the client has enough.
pub(super) fn ticks(endpoint: &'static str) -> Response<Body> {
    let mut seconds = interval(TICK);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = stream::unfold((seconds, 0_u64), move |(mut seconds, number)| async move {
        seconds.tick().await;
        let event = format!("id: {number}\ndata: {{\"tick\":{number},\"endpoint\":\"{endpoint}\"}}\n\n");
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(event))), (seconds, number.saturating_add(1))))
    });
    let body = StreamBody::new(events).map_err(|never| match never {}).boxed_unsync();
    with(StatusCode::OK, "text/event-stream", body)
}

/// A 405 that names the method that is allowed.
pub(super) fn only(method: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {method} works here\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}

/// The head of a switch to another protocol: no body, the headers of the handshake.
pub(super) fn switch(handshake: Response<()>) -> Response<Body> {
    handshake.map(|()| full(Bytes::new()))
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

fn with(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_everything_a_browser_test_looks_for() {
        for id in ["status", "endpoint", "log", "messages", "text", "send", "drain", "restore", "reload"] {
            assert_eq!(PAGE.matches(&format!(r#" id="{id}""#)).count(), 1, "id {id}");
        }
        assert!(PAGE.contains("window.demo ="));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for elsewhere in ["src=", "@import", " url(", ":url(", "href=\"http", "href=\"/"] {
            assert!(!PAGE.contains(elsewhere), "{elsewhere}");
        }
    }
}
