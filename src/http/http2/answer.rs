//! What an answer of HTTP/2 says: nothing of its connection (RFC 9113 §8.2.2), and of a tunnel that it is open (RFC 8441 §5).

use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Response, StatusCode, Version};

use crate::http::forward;

/// Makes of an answer that is meant for HTTP/1.1 the one that a client of HTTP/2 gets.
pub fn of<B>(answer: Response<B>) -> (Response<()>, B) {
    let (mut head, body) = answer.into_parts();
    leave_out_connection(&mut head.headers);
    head.version = Version::HTTP_2;
    (Response::from_parts(head, ()), body)
}

/// The answer before the answer, from the headers that it has in HTTP/1.1 (RFC 9110 §15.2).
pub fn interim(status: StatusCode, mut headers: HeaderMap) -> Response<()> {
    leave_out_connection(&mut headers);
    whole(status, headers)
}

/// The answer by which a client learns of its tunnel: of what the endpoint's 101 said, without what only HTTP/1.1 says.
pub fn tunnel(mut headers: HeaderMap) -> Response<()> {
    forward::response(&mut headers, None);
    forward::remove(&mut headers, |name| [CONTENT_LENGTH, TRANSFER_ENCODING, SEC_WEBSOCKET_ACCEPT].contains(name));
    whole(StatusCode::OK, headers)
}

fn whole(status: StatusCode, headers: HeaderMap) -> Response<()> {
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    *answer.version_mut() = Version::HTTP_2;
    *answer.headers_mut() = headers;
    answer
}

fn leave_out_connection(headers: &mut HeaderMap) {
    forward::remove(headers, |name| OF_CONNECTION.contains(name));
}

/// What has no place in HTTP/2, as far as it may stand in an answer of ours or of an endpoint's.
const OF_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        HeaderMap::from_iter(lines.iter().map(line))
    }

    fn names(answer: &Response<()>) -> Vec<&str> {
        answer.headers().keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn an_answer_says_nothing_of_its_connection() {
        let mut answer = Response::new(7);
        *answer.headers_mut() = headers(&[
            ("connection", "close"),
            ("content-type", "text/plain"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("keep-alive", "5"),
            ("x-one", "1"),
        ]);
        let (head, body) = of(answer);
        assert_eq!((names(&head), body), (vec!["content-type", "x-one"], 7));
    }

    #[test]
    fn a_tunnel_is_open_by_a_200_with_what_was_agreed_on() {
        let answer = tunnel(headers(&[
            ("connection", "upgrade"),
            ("sec-websocket-accept", "a"),
            ("upgrade", "websocket"),
            ("sec-websocket-protocol", "chat"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("content-length", "0"),
            ("set-cookie", "a=b"),
        ]));
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(names(&answer), ["sec-websocket-protocol", "sec-websocket-extensions", "set-cookie"]);
    }
}
