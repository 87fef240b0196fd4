//! Hosts, networks and names as they are written in the configuration.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER, PROXY_AUTHORIZATION};
use http::uri::PathAndQuery;
use http::{HeaderName, Method};
use ipnet::{IpNet, Ipv4Net};

use super::settings::{AffinitySource, HostPattern};
use super::suggest;
use super::syntax::{Syntax, SyntaxError};
use crate::grammar::{Authority, CookieName, is_dns_name, is_token};

/// Whose word is taken: a network, or one address.
pub(super) const NETWORK: Syntax<IpNet> =
    Syntax { noun: "a network", example: r#""10.0.0.0/8" or "fd00::/8""#, unit: "", parse: parse_network };

/// What a route may be called by.
pub(super) const HOST: Syntax<HostPattern> =
    Syntax { noun: "a host", example: r#""chat.example.com" or "*.example.com""#, unit: "", parse: parse_host };

/// An upgrade token, in lower case.
pub(super) const UPGRADE: Syntax<String> =
    Syntax { noun: "an upgrade token", example: r#""websocket" or "SPDY/3.1""#, unit: "", parse: parse_upgrade };

/// The name of a cookie.
pub(super) const COOKIE: Syntax<CookieName> =
    Syntax { noun: "the name of a cookie", example: r#""windlass_pin""#, unit: "", parse: parse_cookie };

/// For which paths a cookie is sent (RFC 6265 §4.1.1).
pub(super) const COOKIE_PATH: Syntax<String> =
    Syntax { noun: "the path of a cookie", example: r#""/" or "/chat""#, unit: "", parse: parse_cookie_path };

/// For which hosts a cookie is sent.
pub(super) const COOKIE_DOMAIN: Syntax<String> =
    Syntax { noun: "the domain of a cookie", example: r#""example.com""#, unit: "", parse: parse_cookie_domain };

/// What a request asks for: a path, and a query behind it.
pub(super) const REQUEST_PATH: Syntax<String> =
    Syntax { noun: "a path", example: r#""/healthz""#, unit: "", parse: parse_request_path };

/// How a request asks.
pub(super) const METHOD: Syntax<Method> =
    Syntax { noun: "a method", example: r#""GET" or "HEAD""#, unit: "", parse: parse_method };

/// What a request says in `Host`.
pub(super) const HOST_HEADER: Syntax<String> =
    Syntax { noun: "a host", example: r#""chat.example.com""#, unit: "", parse: parse_host_header };

/// The name of a header that may stand in the log.
pub(super) const LOGGED_HEADER: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-request-id""#, unit: "", parse: parse_logged_header };

/// The name of a header that gives each request a name.
pub(super) const REQUEST_ID: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-request-id""#, unit: "", parse: parse_request_id };

/// Where an affinity key is looked for.
pub(super) const AFFINITY: Syntax<AffinitySource> = Syntax {
    noun: "a source",
    example: r#""header:NAME", "cookie:NAME", "query:NAME", "path:1", "claim:sub", "host", "client_ip" or "client_certificate""#,
    unit: "",
    parse: parse_affinity,
};

/// A file.
pub(super) const FILE: Syntax<PathBuf> =
    Syntax { noun: "the path of a file", example: r#""chat.pem""#, unit: "", parse: parse_file };

/// The name of an endpoint.
pub(super) const NAME: Syntax<String> =
    Syntax { noun: "a name", example: r#"letters, digits and "-_.:[]""#, unit: "", parse: parse_name };

/// By its name it is one that nothing is decided by: we write over what clients say in it.
fn parse_request_id(text: &str) -> Result<HeaderName, SyntaxError> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not the name of a header"))?;
    if name.as_str().ends_with("id") { Ok(name) } else { Err(format!("{text:?} does not end with \"id\"").into()) }
}

fn parse_network(text: &str) -> Result<IpNet, SyntaxError> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match parsed {
        Ok(network) if network.addr() == network.network() => match of_ipv4(network) {
            // Who comes over IPv4 is compared by the address of IPv4, whichever family the socket is of.
            Some(plain) => {
                Err(SyntaxError::new(format!("{text:?} is a network of IPv4"), format!("write it as one: \"{plain}\"")))
            }
            None => Ok(network),
        },
        Ok(network) => Err(SyntaxError::new(
            format!("{text:?} has bits set beyond its prefix"),
            format!("write \"{}\", or \"{}\" for the one address", network.trunc(), network.addr()),
        )),
        Err(_) => Err(format!("{text:?} is not a network").into()),
    }
}

/// The network of IPv4 that this one of IPv6 holds, and no more than that (`::ffff:0:0/96`, RFC 4291 §2.5.5.2).
fn of_ipv4(network: IpNet) -> Option<Ipv4Net> {
    let IpNet::V6(network) = network else { return None };
    Ipv4Net::new(network.addr().to_ipv4_mapped()?, network.prefix_len().checked_sub(96)?).ok()
}

/// What a route may be called by.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn parse_host_pattern(text: &str) -> Result<HostPattern, SyntaxError> {
    (HOST.parse)(text).map_err(|error| error.or_write(HOST.example))
}

fn parse_host(text: &str) -> Result<HostPattern, SyntaxError> {
    if text == "*" {
        return Err(SyntaxError::new("\"*\" is not a host", "leave `hosts` out to serve every host"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(SyntaxError::new(format!("{text:?} is a URL"), format!("write only the host: {host:?}")));
    }
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| format!("{address:?} is not an IPv6 address"))?;
        return Ok(HostPattern::Exact(format!("[{address}]")));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(SyntaxError::new(format!("{text:?} has no brackets"), format!("write \"[{text}]\"")));
    }
    if let Some((host, _)) = text.rsplit_once(':') {
        return Err(SyntaxError::new(
            format!("{text:?} has a port"),
            format!("write only the host: {host:?}; the port is the listener's"),
        ));
    }
    if let Some((host, path)) = text.split_once('/') {
        return Err(SyntaxError::new(
            format!("{text:?} has a path"),
            format!("write the host {host:?}, and path = \"/{path}\""),
        ));
    }
    match text.strip_prefix("*.") {
        Some(rest) => parse_host_name(rest).map(HostPattern::Wildcard),
        None if text.parse::<IpAddr>().is_ok() => Ok(HostPattern::Exact(text.into())),
        None => parse_host_name(text).map(HostPattern::Exact),
    }
}

/// A DNS name in lower case; `_` is let through, since internal names have it.
pub(super) fn parse_host_name(text: &str) -> Result<String, SyntaxError> {
    if !text.is_ascii() {
        let hint = "write it in punycode, such as \"xn--bcher-kva.example\" for \"bücher.example\"";
        Err(SyntaxError::new(format!("{text:?} is not ASCII"), hint))
    } else if text.contains('*') {
        Err(SyntaxError::new(
            format!("{text:?} has a wildcard inside"),
            "`*.` stands at the front, and only in `hosts`",
        ))
    } else if let Some(dotless) = text.strip_suffix('.') {
        Err(SyntaxError::new(format!("{text:?} ends with a dot"), format!("write {dotless:?}")))
    } else if !is_dns_name(text) {
        Err(format!("{text:?} is not a host name").into())
    } else {
        Ok(text.to_ascii_lowercase())
    }
}

/// `protocol` or `protocol/version` (RFC 9110 §7.8).
fn parse_upgrade(text: &str) -> Result<String, SyntaxError> {
    let token = text.to_ascii_lowercase();
    let (protocol, version) = token.split_once('/').unzip();
    let protocol = protocol.unwrap_or(&token);
    if ["h2c", "h2", "h3", "http"].contains(&protocol) {
        return Err(SyntaxError::new(
            format!("{text:?} is never let through: it smuggles requests past every rule"),
            "remove it; such a request goes on as a plain exchange",
        ));
    }
    if !is_token(protocol) || !version.is_none_or(is_token) {
        return Err(format!("{text:?} is not an upgrade token").into());
    }
    if protocol == "websocket" && version.is_some() {
        // Through a name of its own it would pass unjudged.
        return Err(SyntaxError::new(
            format!("{text:?} has a version, which no client asks for"),
            "write \"websocket\"",
        ));
    }
    Ok(token)
}

fn parse_cookie(text: &str) -> Result<CookieName, SyntaxError> {
    CookieName::parse(text).ok_or_else(|| format!("{text:?} is not the name of a cookie").into())
}

/// What a cookie's attribute may hold: no control, and no semicolon, which would end it.
fn parse_cookie_path(text: &str) -> Result<String, SyntaxError> {
    let is_sound = text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic() && c != ';');
    if is_sound { Ok(text.into()) } else { Err(format!("{text:?} is not the path of a cookie").into()) }
}

fn parse_cookie_domain(text: &str) -> Result<String, SyntaxError> {
    let host = parse_host_name(text.strip_prefix('.').unwrap_or(text))?;
    if host.contains('.') {
        Ok(host)
    } else {
        Err(SyntaxError::new(
            format!("{text:?} is no domain that a browser keeps cookies of"),
            "leave it out for the one host",
        ))
    }
}

/// A request's target in origin form (RFC 9112 §3.2.1).
fn parse_request_path(text: &str) -> Result<String, SyntaxError> {
    if text.contains("://") {
        return Err(SyntaxError::new(format!("{text:?} is a URL"), "write only its path, such as \"/healthz\""));
    }
    let is_sound = text.starts_with('/') && text.parse::<PathAndQuery>().is_ok() && !text.contains('#');
    if is_sound { Ok(text.into()) } else { Err(format!("{text:?} is not a path").into()) }
}

fn parse_method(text: &str) -> Result<Method, SyntaxError> {
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|method| *method != Method::CONNECT);
    method.ok_or_else(|| format!("{text:?} is not a method").into())
}

fn parse_host_header(text: &str) -> Result<String, SyntaxError> {
    match Authority::parse(text) {
        Some(_) => Ok(text.into()),
        None => Err(format!("{text:?} is not a host").into()),
    }
}

fn parse_logged_header(text: &str) -> Result<HeaderName, SyntaxError> {
    const SECRET: [HeaderName; 3] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE_HEADER];
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not the name of a header"))?;
    if SECRET.contains(&name) {
        let hint = "name a header that says nothing secret, such as \"x-request-id\"";
        return Err(SyntaxError::new(format!("{name} holds credentials, which do not belong into a log"), hint));
    }
    Ok(name)
}

fn parse_affinity(text: &str) -> Result<AffinitySource, SyntaxError> {
    const SOURCES: [&str; 5] = ["header", "cookie", "query", "path", "claim"];
    const WHOLE: [&str; 3] = ["client_ip", "host", "client_certificate"];
    match text {
        "client_ip" => return Ok(AffinitySource::ClientIp),
        "host" => return Ok(AffinitySource::Host),
        "client_certificate" => return Ok(AffinitySource::ClientCertificate),
        _ => {}
    }
    let problem = format!("{text:?} is not a source of affinity keys");
    match text.split_once(':') {
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes())
            .map(AffinitySource::Header)
            .map_err(|_| format!("{name:?} is not the name of a header").into()),
        Some(("cookie", name)) => parse_cookie(name).map(AffinitySource::Cookie),
        Some(("query", name)) if !name.is_empty() => Ok(AffinitySource::Query(name.into())),
        Some(("claim", name)) if !name.is_empty() => Ok(AffinitySource::Claim(name.into())),
        Some(("path", number)) => match number.parse::<NonZeroUsize>() {
            Ok(number) if number.get() <= LAST_SEGMENT => Ok(AffinitySource::PathSegment(number)),
            _ => Err(SyntaxError::new(
                format!("{number:?} is not the number of a segment"),
                format!("write \"path:1\" for the first one of the path; the last is {LAST_SEGMENT}"),
            )),
        },
        Some((source, name)) => Err(match suggest::nearest(source, &SOURCES) {
            Some(near) if near != source => SyntaxError::new(problem, format!("did you mean \"{near}:{name}\"?")),
            _ => problem.into(),
        }),
        None if SOURCES.contains(&text) => {
            let which = if text == "path" { "1" } else { "NAME" };
            Err(SyntaxError::new(format!("{text:?} does not say which"), format!("write \"{text}:{which}\"")))
        }
        None if text.starts_with("client_cert") || text.contains("fingerprint") => {
            Err(SyntaxError::new(problem, "did you mean \"client_certificate\"?"))
        }
        None => Err(match suggest::nearest(text, &WHOLE) {
            Some(near) => SyntaxError::new(problem, format!("did you mean {near:?}?")),
            None => problem.into(),
        }),
    }
}

/// Beyond it there is nothing that anybody counts.
const LAST_SEGMENT: usize = 64;

fn parse_file(text: &str) -> Result<PathBuf, SyntaxError> {
    if text.is_empty() || text.contains('\0') { Err("is not the path of a file".into()) } else { Ok(text.into()) }
}

fn parse_name(text: &str) -> Result<String, SyntaxError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.into())
    } else {
        Err(format!("{text:?} is not a name").into())
    }
}

/// What a listener, a route or an upstream may be called.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_no_headers_for_the_log() {
        assert_eq!(parse_logged_header("X-Request-Id").unwrap(), HeaderName::from_static("x-request-id"));
        for secret in ["authorization", "Proxy-Authorization", "COOKIE"] {
            assert!(parse_logged_header(secret).unwrap_err().problem.contains("credentials"), "{secret}");
        }
        assert!(parse_logged_header("x id").is_err());
    }

    #[test]
    fn hosts_are_lower_case_names_wildcards_or_addresses() {
        let exact = |host: &str| HostPattern::Exact(host.into());
        assert_eq!(parse_host("Chat.Example.COM").unwrap(), exact("chat.example.com"));
        assert_eq!(parse_host("localhost").unwrap(), exact("localhost"));
        assert_eq!(parse_host("xn--bcher-kva.example").unwrap(), exact("xn--bcher-kva.example"));
        assert_eq!(parse_host("10.0.0.1").unwrap(), exact("10.0.0.1"));
        assert_eq!(parse_host("[FD00::0:1]").unwrap(), exact("[fd00::1]"));
        assert_eq!(parse_host("*.Example.com").unwrap(), HostPattern::Wildcard("example.com".into()));
    }

    #[test]
    fn host_names_keep_to_the_lengths_of_dns() {
        let label = "a".repeat(63);
        assert!(parse_host_name(&label).is_ok());
        assert!(parse_host_name(&format!("{label}a")).is_err());
        assert!(parse_host_name(&[label.as_str(); 3].join(".")).is_ok());
        assert!(parse_host_name(&[label.as_str(); 4].join(".")).is_err());
    }

    #[test]
    fn affinity_keys_have_seven_sources() {
        let user = HeaderName::from_static("x-user");
        let segment = |number| AffinitySource::PathSegment(NonZeroUsize::new(number).unwrap());
        for (text, source) in [
            ("header:X-User", AffinitySource::Header(user)),
            ("cookie:sid", AffinitySource::Cookie(CookieName::parse("sid").unwrap())),
            ("query:token", AffinitySource::Query("token".into())),
            ("claim:realm.id", AffinitySource::Claim("realm.id".into())),
            ("path:1", segment(1)),
            ("path:64", segment(64)),
            ("host", AffinitySource::Host),
            ("client_ip", AffinitySource::ClientIp),
            ("client_certificate", AffinitySource::ClientCertificate),
        ] {
            assert_eq!(parse_affinity(text).unwrap(), source, "{text}");
        }
        for text in ["path:0", "path:65", "path:", "path:-1", "path:1.5", "path:two", "path", "host:a", "client_ip:1"] {
            assert!(parse_affinity(text).is_err(), "{text}");
        }
    }
}
