//! Which headers of a request a server reads that is asked about it: `send`.

use http::HeaderName;

use super::ledger::{Ledger, Reason};
use super::scope::Scope;
use super::text::{Part, Variables, parts, without_braces};
use crate::config::is_of_one_message;
use crate::import::syntax::Directive;

/// What is sent where `send` is not written.
const USUAL: [&str; 2] = ["cookie", "authorization"];

/// `send`, where the location of `scope` says otherwise than usual; the server is at `authority`.
///
/// # Errors
/// It sets a header that the server cannot be sent here: what that decides hangs on it.
pub(super) fn send(scope: &Scope<'_>, authority: &str, ledger: &Ledger) -> Result<Option<Vec<String>>, Reason> {
    let mut sent: Vec<String> = USUAL.map(str::to_owned).to_vec();
    if let Some(directive) = scope.last("proxy_pass_request_headers").filter(|it| it.value() == Some("off")) {
        sent.clear();
        ledger.carried(directive);
    }
    for directive in scope.all("proxy_set_header") {
        let [name, value] = directive.texts()[..] else { return Err(not_sent(directive)) };
        let name = name.to_ascii_lowercase();
        let value = without_braces(&Variables::of(scope).spelled_out(value));
        match meaning(&name, &value, authority) {
            Meaning::Sent => {
                ledger.carried(directive);
                sent.extend((!sent.contains(&name)).then_some(name));
            }
            Meaning::NotSent => {
                ledger.carried(directive);
                sent.retain(|it| *it != name);
            }
            Meaning::Usual => ledger.nothing(directive),
            Meaning::Elsewhere(why, instead) => ledger.left(directive, why, instead),
            Meaning::Unsaid => return Err(not_sent(directive)),
        }
    }
    Ok((sent != USUAL).then_some(sent))
}

/// What a header comes to that is set for a server which is asked.
enum Meaning {
    /// It is what the client says there.
    Sent,
    NotSent,
    /// It is so here, too.
    Usual,
    /// What it says stands in another header: why, and what to do.
    Elsewhere(&'static str, &'static str),
    Unsaid,
}

fn meaning(name: &str, value: &str, authority: &str) -> Meaning {
    let header = HeaderName::from_bytes(name.as_bytes()).ok();
    if name == "content-type" || name != "host" && header.as_ref().is_none_or(is_of_one_message) {
        return Meaning::Usual;
    }
    let is_of_variables = parts(value).iter().all(|part| match part {
        Part::Text(text) => !text.contains(|c: char| c.is_alphanumeric()),
        Part::Variable(_) => true,
    });
    let known = SAID.iter().find(|(said, _)| *said == name).map(|(_, values)| *values);
    match (name, value) {
        ("host", "$proxy_host") => Meaning::Usual,
        ("host", value) if value == authority || authority.rsplit_once(':').is_some_and(|(host, _)| value == host) => {
            Meaning::Usual
        }
        ("host", _) if is_of_variables => Meaning::Elsewhere(
            "in Host the server that is asked reads the host of `url`, and that of the request in X-Forwarded-Host",
            "have it read X-Forwarded-Host, and see that it does not choose a site by Host",
        ),
        _ if known.is_some_and(|values| values.contains(&value)) => Meaning::Usual,
        // What the request is for, as this proxy knows it.
        ("x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" | "x-forwarded-port", _) => Meaning::Elsewhere(
            "the server that is asked reads there what endpoints do",
            "see docs/front-door.md, and name the proxy in front in `trusted_proxies` of [listener.NAME]",
        ),
        _ if known.is_some() => Meaning::Unsaid,
        (_, "") => Meaning::NotSent,
        _ if value.strip_prefix("$http_").is_some_and(|header| header == name.replace('-', "_")) => Meaning::Sent,
        ("x-real-ip", _) if is_of_variables => Meaning::Elsewhere(
            "the server that is asked reads the client's address in X-Forwarded-For",
            "have it read that",
        ),
        _ if UNDECIDING.contains(&name) || OF_CONNECTION.contains(&value) => Meaning::Elsewhere(
            "the server that is asked is not sent this header",
            "see that it decides without it: what the request is for stands in X-Forwarded-… and X-Original-…",
        ),
        _ => Meaning::Unsaid,
    }
}

/// By what nobody decides: where oauth2-proxy sends who has logged in, the word for TLS of those who do not know X-Forwarded-Proto, and by what
/// ingress-nginx signs.
const UNDECIDING: [&str; 3] = ["x-auth-request-redirect", "x-forwarded-ssl", "x-sent-from"];

/// What says nothing of who asks, nor for what.
const OF_CONNECTION: [&str; 7] =
    ["$scheme", "$host", "$http_host", "$server_name", "$server_port", "$request_id", "$ssl_early_data"];

/// What the server is sent in any case, and what says the same with nginx.
const SAID: [(&str, &[&str]); 9] = [
    ("x-original-method", &["$request_method"]),
    ("x-original-uri", &["$request_uri"]),
    ("x-original-url", &["$scheme://$host$request_uri", "$scheme://$http_host$request_uri"]),
    ("x-forwarded-method", &["$request_method"]),
    ("x-forwarded-uri", &["$request_uri"]),
    ("x-forwarded-proto", &["$scheme"]),
    ("x-forwarded-host", &["$host", "$http_host", "$server_name"]),
    ("x-forwarded-port", &["$server_port"]),
    ("x-forwarded-for", &["$remote_addr", "$proxy_add_x_forwarded_for"]),
];

fn not_sent(directive: &Directive) -> Reason {
    Reason::new(
        format!(
            "the location that is asked sets a header which that server is not sent here ({}: {})",
            directive.place,
            directive.written()
        ),
        "have the server decide without it, and write [route.NAME.authorize]; `send` names headers of the client: docs/access.md",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    /// `send` for a location with these directives, and how many of them have to be looked at.
    fn sent(source: &str) -> Result<(Option<Vec<String>>, usize), Reason> {
        let mut numbers = Numbers::default();
        let tree = parse(source, &"x".into(), &mut numbers).unwrap();
        let ledger = Ledger::new(numbers.count());
        let sent = send(&Scope::of(&tree), "auth:9000", &ledger)?;
        Ok((sent, ledger.counts().2))
    }

    #[test]
    fn what_a_client_says_is_sent() {
        for (source, expected) in [
            ("proxy_set_header X-Api-Key $http_x_api_key;", &["cookie", "authorization", "x-api-key"][..]),
            ("proxy_set_header Cookie ''; proxy_set_header X-None '';", &["authorization"]),
            ("proxy_pass_request_headers off; proxy_set_header Cookie ${http_cookie};", &["cookie"]),
            ("proxy_pass_request_headers off;", &[]),
        ] {
            let expected = expected.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(sent(source), Ok((Some(expected), 0)), "{source}");
        }
    }

    #[test]
    fn what_it_reads_anyway_changes_nothing() {
        for (source, looked_at) in [
            ("proxy_set_header Cookie $http_cookie; proxy_set_header Content-Length '';", 0),
            ("proxy_set_header X-Original-URL $scheme://$http_host$request_uri;", 0),
            ("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Host $proxy_host;", 0),
            ("set $name auth:9000; proxy_set_header Host $name;", 0),
            ("proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;", 2),
            ("proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto; proxy_set_header X-Scheme $scheme;", 2),
            ("proxy_set_header Expect $http_expect; proxy_set_header Sec-WebSocket-Key $http_sec_websocket_key;", 0),
            ("proxy_set_header X-Auth-Request-Redirect $request_uri; proxy_set_header X-Forwarded-Ssl on;", 2),
            ("proxy_set_header Host auth; proxy_set_header X-Sent-From nginx-ingress-controller;", 1),
        ] {
            assert_eq!(sent(source), Ok((None, looked_at)), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for source in [
            "proxy_set_header X-Need-Role admin;",
            "proxy_set_header Host auth.example.com;",
            "proxy_set_header X-Original-URI /admin;",
            "proxy_set_header X-Original-URL $request_uri;",
            "proxy_set_header X-Original-URI $http_x_original_uri;",
            "proxy_set_header X-Forwarded-Role $role;",
            "proxy_set_header Authorization $cookie_token;",
            "proxy_set_header X-Client $ssl_client_s_dn;",
            "proxy_set_header Cookie;",
        ] {
            assert!(sent(source).unwrap_err().why.contains("x:1"), "{source}");
        }
    }
}
