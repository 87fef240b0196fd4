//! What an answer of HTTP/1 says of its connection: that it ends, or what it becomes.

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use httpdate::HttpDate;

use crate::http::head::write_response_head;
use crate::http::reader::WEBSOCKET;
use crate::http::{Refusal, RefusalTerms, forward, status_of};
use crate::judge::Flaw;
use crate::websocket::BadHandshake;

/// Says that nothing that follows on the connection is read.
pub fn end_connection(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}

/// The whole answer to a request that is refused.
pub fn of_refusal(refusal: Refusal, terms: impl Into<RefusalTerms>) -> Response<Full<Bytes>> {
    let mut response = refusal.response(terms);
    let headers = response.headers_mut();
    if refusal == Refusal::BadHandshake(BadHandshake::WebsocketVersion) {
        // RFC 9110 §15.5.22: a 426 names the protocol.
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    if refusal.is_last() {
        end_connection(headers);
    }
    response
}

/// The whole answer, with this text, to a request whose head has this flaw. It is the last on its connection.
pub fn of_flaw(flaw: Flaw, content_type: &HeaderValue, text: &[u8]) -> Vec<u8> {
    let status = status_of(flaw);
    let content_type = content_type.to_str().unwrap_or_default();
    let (reason, length) = (status.canonical_reason().unwrap_or_default(), text.len());
    #[expect(clippy::disallowed_types, reason = "a Date tells the time on the wall")]
    let date = HttpDate::from(std::time::SystemTime::now());
    let head = format!(
        "HTTP/1.1 {} {reason}\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Cache-Control: no-store\r\nContent-Length: {length}\r\nDate: {date}\r\n\r\n",
        status.as_str()
    );
    [head.as_bytes(), text].concat()
}

/// The head of the 101 by which a client learns of its tunnel: of what the endpoint's said, with the token that it asked for.
pub fn switch(mut headers: HeaderMap, token: &str) -> Vec<u8> {
    forward::response(&mut headers, Some(token));
    let mut head = Vec::with_capacity(HEAD);
    write_response_head(&mut head, StatusCode::SWITCHING_PROTOCOLS, &headers);
    head
}

/// The whole answer to HTTP without TLS on a port where TLS is spoken.
pub const PLAIN_HTTP_ON_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 54\r\nConnection: close\r\n\r\n400 this port speaks TLS: ask with https:// or wss://\n";

/// What the head of a 101 seldom exceeds, in bytes.
const HEAD: usize = 512;

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::http::unclean::Unclean;

    fn header(refusal: Refusal, name: HeaderName) -> Option<String> {
        of_refusal(refusal, 7).headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_wrong_version_is_told_the_right_protocol() {
        let bad = Refusal::BadHandshake(BadHandshake::WebsocketVersion);
        assert_eq!(header(bad, UPGRADE).as_deref(), Some("websocket"));
        assert_eq!(header(bad, CONNECTION).as_deref(), Some("Upgrade"));
    }

    #[test]
    fn nothing_is_read_after_an_unclean_request() {
        assert_eq!(header(Refusal::Unclean(Unclean::SeveralHosts), CONNECTION).as_deref(), Some("close"));
        assert_eq!(header(Refusal::NoRoute, CONNECTION), None);
    }

    #[test]
    fn an_answer_to_a_flaw_is_whole() {
        let answer =
            String::from_utf8(of_flaw(Flaw::TargetTooLong, &HeaderValue::from_static("text/plain"), b"414 why\n"))
                .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/plain\r\n"),
            "{head}"
        );
        assert!(head.contains(&format!("Content-Length: {}\r\nDate: ", body.len())), "{head}");
        assert_eq!(body, "414 why\n");
    }

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = str::from_utf8(PLAIN_HTTP_ON_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn a_switch_says_what_the_endpoint_said_in_its_order() {
        let headers = HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("keep-alive, upgrade")),
            (HeaderName::from_static("sec-websocket-accept"), HeaderValue::from_static("a")),
            (UPGRADE, HeaderValue::from_static("WebSocket")),
            (HeaderName::from_static("keep-alive"), HeaderValue::from_static("5")),
        ]);
        let expected = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\
            Upgrade: websocket\r\n\r\n";
        assert_eq!(String::from_utf8(switch(headers, WEBSOCKET)).unwrap(), expected);
    }
}
