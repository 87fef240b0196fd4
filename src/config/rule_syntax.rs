//! What rules of routes are made of: names of headers, their values, and the place that a redirect leads to.

use http::{HeaderName, HeaderValue};

use super::syntax::{Syntax, SyntaxError};
use crate::grammar::Authority;
use crate::rules::{Template, TemplateFault, Variable, is_reserved};

/// The name of a header that is looked at.
pub(super) const HEADER_NAME: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-version""#, unit: "", parse: parse_header_name };

/// The name of a header that operators may change.
pub(super) const CHANGED_HEADER: Syntax<HeaderName> =
    Syntax { noun: "the name of a header", example: r#""x-version""#, unit: "", parse: parse_changed_header };

/// What a header says.
pub(super) const HEADER_VALUE: Syntax<HeaderValue> =
    Syntax { noun: "a text", example: r#"a text of visible ASCII"#, unit: "", parse: parse_header_value };

/// The same, with variables.
pub(super) const TEMPLATE: Syntax<Template> =
    Syntax { noun: "a text", example: r#""text", or "{client_ip}""#, unit: "", parse: parse_template };

/// The host that a redirect leads to.
pub(super) const REDIRECT_HOST: Syntax<String> =
    Syntax { noun: "a host", example: r#""www.example.com""#, unit: "", parse: parse_redirect_host };

fn parse_header_name(text: &str) -> Result<HeaderName, SyntaxError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not the name of a header").into())
}

fn parse_changed_header(text: &str) -> Result<HeaderName, SyntaxError> {
    let name = parse_header_name(text)?;
    if !is_reserved(&name) {
        return Ok(name);
    }
    let hint = match name.as_str() {
        "host" => "write `host` in [upstream.NAME] for what endpoints read",
        "windlass-hops" => "remove it: a request that goes round is found by it",
        _ => "remove it: windlass writes it as the message and the handshake need it",
    };
    Err(SyntaxError::new(format!("{name} is not for a route to change"), hint))
}

fn parse_header_value(text: &str) -> Result<HeaderValue, SyntaxError> {
    HeaderValue::from_str(text).map_err(|_| format!("{text:?} is no value of a header").into())
}

fn parse_template(text: &str) -> Result<Template, SyntaxError> {
    Template::parse(text).map_err(|fault| match fault {
        TemplateFault::LoneBrace => SyntaxError::new(
            format!("{text:?} has a brace by itself"),
            "write {{ for a brace, and {client_ip} for a variable",
        ),
        TemplateFault::Unknown(name) => {
            let known = Variable::WORDS.map(|word| format!("{{{word}}}")).join(", ");
            SyntaxError::new(
                format!("there is no variable {{{name}}}"),
                format!("write one of {known}; or {{{{ for a brace"),
            )
        }
        TemplateFault::NotAHeader(name) => format!("{name:?} is not the name of a header").into(),
        TemplateFault::NotAValue(bad) => format!("{bad:?} stands in no value of a header").into(),
    })
}

fn parse_redirect_host(text: &str) -> Result<String, SyntaxError> {
    match Authority::parse(text) {
        Some(Authority { port: None, host }) if !text.ends_with(':') && host.is_ascii() => Ok(host.to_owned()),
        Some(_) => Err(SyntaxError::new(format!("{text:?} has a port"), "write `port` beside `host`")),
        None if text.contains("://") => {
            Err(SyntaxError::new(format!("{text:?} is a URL"), "write its parts: scheme, host, port, path"))
        }
        None => Err(format!("{text:?} is not a host").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_alone() {
        for host in ["www.example.com", "10.0.0.1", "[::1]"] {
            assert_eq!(parse_redirect_host(host).unwrap(), host);
        }
        for text in ["", "a:80", "a:", "https://a", "a b", "a/b", "é.example", "a\r\nb"] {
            assert!(parse_redirect_host(text).is_err(), "{text}");
        }
    }
}
