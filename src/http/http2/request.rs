//! The head of a request as HTTP/2 has it.

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Request, Uri, Version};

use crate::http::forward::{self, Scheme};

/// What a connection with an endpoint is, as each request over it says.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Whether there is TLS on it.
    pub scheme: Scheme,
    /// The endpoint's own host, for a request that names none.
    pub authority: Authority,
}

/// Makes of a head that is meant for an endpoint over HTTP/1.1 the one that it gets over HTTP/2, where `origin` is what the
/// connection with it is: Host becomes `:authority` (RFC 9113 §8.3.1), and what HTTP/1.1 says of its connection is left out
/// (§8.2.2). What `TE` may say there is `trailers` alone, and that stays.
pub fn request(parts: &Parts, origin: &Origin) -> Request<()> {
    let mut headers = parts.headers.clone();
    let authority = authority(&headers).unwrap_or_else(|| origin.authority.clone());
    forward::remove(&mut headers, |name| [CONNECTION, HOST, TRANSFER_ENCODING].contains(name));
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        forward::remove(&mut headers, |name| *name == TE);
    }
    let mut request = Request::new(());
    request.method_mut().clone_from(&parts.method);
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = absolute(&parts.uri, authority, origin.scheme);
    *request.headers_mut() = headers;
    request
}

/// What Host names, if it names a host: a request of HTTP/1.0 need not.
fn authority(headers: &HeaderMap) -> Option<Authority> {
    Authority::try_from(headers.get(HOST)?.as_bytes()).ok()
}

/// The target with what HTTP/2 says beside it.
fn absolute(uri: &Uri, authority: Authority, scheme: Scheme) -> Uri {
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let absolute = Uri::builder().scheme(scheme.as_str()).authority(authority).path_and_query(path.clone()).build();
    absolute.unwrap_or_else(|_| Uri::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut built = Request::builder().method("POST").uri(target);
        for (name, value) in headers {
            built = built.header(*name, *value);
        }
        let origin = Origin { scheme: Scheme::Http, authority: Authority::from_static("10.0.0.11:8080") };
        request(&built.body(()).unwrap().into_parts().0, &origin)
    }

    #[test]
    fn host_becomes_the_authority() {
        let request = translated("/a?b=c", &[("host", "app.example:8080"), ("x-one", "1")]);
        assert_eq!(request.uri(), "http://app.example:8080/a?b=c");
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.headers().len(), 1);
        assert_eq!(translated("*", &[("host", "a")]).uri().path(), "*");
    }

    #[test]
    fn what_names_no_host_is_for_the_endpoints_own() {
        for headers in [&[("host", "")][..], &[("host", "a b")], &[]] {
            let request = translated("/a", headers);
            assert_eq!(request.uri(), "http://10.0.0.11:8080/a");
            assert!(request.headers().is_empty());
        }
    }

    #[test]
    fn what_is_about_the_connection_is_left_out() {
        let headers = [
            ("host", "a"),
            ("connection", "TE"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a=b"),
            ("cookie", "c=d"),
        ];
        let request = translated("/", &headers);
        let left: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(left, [("te", &b"trailers"[..]), ("cookie", b"a=b"), ("cookie", b"c=d")]);
        assert!(translated("/", &[("host", "a"), ("te", "gzip")]).headers().is_empty());
    }
}
