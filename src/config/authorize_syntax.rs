//! What is written of a server that is asked whether requests may enter, or for keys.

use http::{HeaderName, Method, Uri};

use super::address_syntax::ENDPOINT_ADDRESS;
use super::name_syntax::parse_host_name;
use super::settings::{AuthScheme, AuthUrl, EndpointAddress, HeaderPattern};
use super::syntax::{Syntax, SyntaxError};

/// Who is asked.
pub(super) const AUTH_URL: Syntax<AuthUrl> = Syntax {
    noun: "a URL",
    example: r#""http://127.0.0.1:9000/auth", "https://auth.example.com/verify" or "unix:/run/auth.sock:/auth""#,
    unit: "",
    parse: parse_url,
};

/// Where keys are fetched.
pub(super) const KEYS_URL: Syntax<AuthUrl> = Syntax {
    noun: "a URL",
    example: r#""https://login.example.com/.well-known/jwks.json""#,
    unit: "",
    parse: parse_url,
};

/// How a server is asked that gets no body.
pub(super) const AUTH_METHOD: Syntax<Method> =
    Syntax { noun: "a method", example: r#""GET" or "HEAD""#, unit: "", parse: parse_method };

/// Headers that it is told.
pub(super) const SENT_HEADER: Syntax<HeaderPattern> =
    Syntax { noun: "the name of a header", example: r#""cookie" or "x-session-*""#, unit: "", parse: parse_sent };

/// Headers that are taken from its answers.
pub(super) const TAKEN_HEADER: Syntax<HeaderPattern> =
    Syntax { noun: "the name of a header", example: r#""x-user" or "x-auth-*""#, unit: "", parse: parse_taken };

/// Headers that clients get from its answers.
pub(super) const RETURNED_HEADER: Syntax<HeaderPattern> =
    Syntax { noun: "the name of a header", example: r#""set-cookie" or "x-session-*""#, unit: "", parse: parse_taken };

/// The one header of its answers that holds a time.
pub(super) const TIME_HEADER: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-auth-expires""#, unit: "", parse: parse_name };

/// Who takes traces.
pub(super) const COLLECTOR_URL: Syntax<AuthUrl> =
    Syntax { noun: "a URL", example: r#""http://127.0.0.1:4318/v1/traces""#, unit: "", parse: parse_collector };

/// Without a path, it is the one of OTLP over HTTP; any other is asked for as it is.
fn parse_collector(text: &str) -> Result<AuthUrl, SyntaxError> {
    let mut url = parse_url(text)?;
    if url.path == "/" {
        url.path = "/v1/traces".to_owned();
    }
    Ok(url)
}

fn parse_url(text: &str) -> Result<AuthUrl, SyntaxError> {
    if let Some(rest) = text.strip_prefix("unix:") {
        let Some((socket, path)) = rest.split_once(":/") else {
            let problem = format!("{text:?} does not say for what path the socket is asked");
            return Err(SyntaxError::new(problem, "write \"unix:/run/auth.sock:/PATH\""));
        };
        let address = (ENDPOINT_ADDRESS.parse)(&format!("unix:{socket}"))?;
        let path = format!("/{path}");
        if path.parse::<http::uri::PathAndQuery>().is_err() {
            return Err(format!("{path:?} is not a path").into());
        }
        return Ok(AuthUrl { address, speaks: AuthScheme::Http, host: "localhost".into(), path });
    }
    let uri: Uri = text.parse().map_err(|_| format!("{text:?} is not a URL"))?;
    let (speaks, port) = match uri.scheme_str() {
        Some("http") => (AuthScheme::Http, 80),
        Some("https") => (AuthScheme::Https, 443),
        None => {
            let problem = format!("{text:?} is no whole URL");
            return Err(SyntaxError::new(problem, format!("write \"http://{text}\"")));
        }
        Some(_) => return Err(format!("{text:?} is neither http nor https").into()),
    };
    let (Some(authority), Some(host)) = (uri.authority(), uri.host().filter(|host| !host.is_empty())) else {
        return Err(format!("{text:?} names no host").into());
    };
    if authority.as_str().contains('@') {
        let problem = format!("{text:?} has a name or a password in it");
        return Err(SyntaxError::new(problem, "take them out: nothing is asked with credentials of ours"));
    }
    if text.contains('#') {
        return Err(format!("{text:?} has a fragment, which no server reads").into());
    }
    let port = match authority.port_u16() {
        Some(0) => return Err("nothing can be reached at port 0".into()),
        Some(port) => port,
        None if authority.as_str().len() > host.len() => {
            return Err(format!("{text:?} has no port behind its colon").into());
        }
        None => port,
    };
    let address = match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) => EndpointAddress::Socket((std::net::IpAddr::to_canonical(&address), port).into()),
        Err(_) => EndpointAddress::Name(parse_host_name(host)?, port),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(AuthUrl { address, speaks, host: authority.as_str().to_ascii_lowercase(), path })
}

fn parse_method(text: &str) -> Result<Method, SyntaxError> {
    match text {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        _ => Err(format!("{text:?} is no method of a question without a body").into()),
    }
}

fn parse_sent(text: &str) -> Result<HeaderPattern, SyntaxError> {
    let pattern = parse_pattern(text)?;
    match &pattern {
        HeaderPattern::Exact(name) if OURS.contains(&name.as_str()) => {
            let problem = format!("{text:?} is said anyway, as it is for this request");
            Err(SyntaxError::new(problem, "remove it"))
        }
        HeaderPattern::Exact(name) if is_of_one_message(name) => {
            Err(SyntaxError::new(format!("{text:?} is about one message alone, and not passed on"), "remove it"))
        }
        _ => Ok(pattern),
    }
}

fn parse_taken(text: &str) -> Result<HeaderPattern, SyntaxError> {
    let pattern = parse_pattern(text)?;
    match &pattern {
        HeaderPattern::Exact(name) if is_of_one_message(name) => {
            Err(SyntaxError::new(format!("{text:?} is about one message alone, and not passed on"), "remove it"))
        }
        _ => Ok(pattern),
    }
}

fn parse_pattern(text: &str) -> Result<HeaderPattern, SyntaxError> {
    match text.strip_suffix('*') {
        Some("") => Err(SyntaxError::new("\"*\" is every header", "name those that are meant")),
        Some(prefix) => parse_name(prefix).map(|name| HeaderPattern::Prefix(name.as_str().to_owned())),
        None => parse_name(text).map(HeaderPattern::Exact),
    }
}

fn parse_name(text: &str) -> Result<HeaderName, SyntaxError> {
    let name = text.parse().ok().filter(|_| !text.contains('*'));
    name.ok_or_else(|| format!("{text:?} is not the name of a header").into())
}

/// Whether a field frames or routes the message that it stands in, and means nothing in another.
pub fn is_of_one_message(name: &HeaderName) -> bool {
    OF_ONE_MESSAGE.contains(&name.as_str())
        || name.as_str().starts_with("sec-websocket-") && !IS_ASKED.contains(&name.as_str())
}

/// What of a handshake may hold a credential.
const IS_ASKED: [&str; 1] = ["sec-websocket-protocol"];

const OF_ONE_MESSAGE: [&str; 15] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-encoding",
    "windlass-hops",
];

/// What every question says.
const OURS: [&str; 9] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::UnixAddress;

    #[test]
    fn a_url_leads_to_an_address() {
        let socket = |address: &str| EndpointAddress::Socket(address.parse().unwrap());
        let name = |host: &str, port| EndpointAddress::Name(host.into(), port);
        let unix = EndpointAddress::Unix(UnixAddress::Path("/run/auth.sock".into()));
        for (text, address, host, path) in [
            ("http://127.0.0.1:9000/auth", socket("127.0.0.1:9000"), "127.0.0.1:9000", "/auth"),
            ("http://[::1]:9000/auth?a=b", socket("[::1]:9000"), "[::1]:9000", "/auth?a=b"),
            ("https://Auth.Example.com", name("auth.example.com", 443), "auth.example.com", "/"),
            ("http://auth.internal/x", name("auth.internal", 80), "auth.internal", "/x"),
            ("unix:/run/auth.sock:/verify?x", unix, "localhost", "/verify?x"),
        ] {
            let url = parse_url(text).unwrap();
            assert_eq!((url.address, url.host.as_str(), url.path.as_str()), (address, host, path), "{text}");
        }
        for bad in [
            "",
            "/auth",
            "127.0.0.1:9000/auth",
            "ftp://auth.test/",
            "http://user:word@auth.test/",
            "http:///auth",
            "http://auth.test:0/",
            "http://auth.test:99999/",
            "http://a..b/",
            "unix:/run/auth.sock",
            "unix:run/auth.sock:/x",
            "unix:/run/auth.sock:/a b",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_named_or_begin_alike() {
        assert_eq!(parse_taken("X-User").unwrap(), HeaderPattern::Exact(HeaderName::from_static("x-user")));
        assert_eq!(parse_taken("X-Auth-*").unwrap(), HeaderPattern::Prefix("x-auth-".into()));
        for bad in ["*", "", "x user", "Content-Length", "connection", "sec-websocket-key", "x-*-y"] {
            assert!(parse_taken(bad).is_err(), "{bad}");
        }
        assert!(parse_sent("x-forwarded-uri").is_err() && parse_sent("sec-websocket-protocol").is_ok());
    }
}
