//! Origins as they are written in the configuration.

use super::settings::OriginPattern;
use super::syntax::{Syntax, SyntaxError};
use crate::grammar::{Site, is_dns_name};

/// Whose pages may ask.
pub(super) const ORIGIN: Syntax<OriginPattern> = Syntax {
    noun: "an origin",
    example: r#""https://app.example.com", "https://*.example.com", "self" or "null""#,
    unit: "",
    parse: parse_origin,
};

fn parse_origin(text: &str) -> Result<OriginPattern, SyntaxError> {
    match text {
        "self" => return Ok(OriginPattern::Own),
        "null" => return Ok(OriginPattern::Null),
        "*" => {
            return Err(SyntaxError::new(
                "\"*\" is every page of every site",
                "leave `allowed_origins` out to check none",
            ));
        }
        _ => {}
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(SyntaxError::new(
            format!("{text:?} has no scheme"),
            format!("write it as browsers send it: \"https://{text}\""),
        ));
    };
    if let Some((authority, _)) = rest.split_once(['/', '?', '#']) {
        return Err(SyntaxError::new(
            format!("{text:?} has something behind its host"),
            format!("write \"{scheme}://{authority}\": browsers send no more"),
        ));
    }
    if ["ws", "wss"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let scheme = scheme.to_ascii_lowercase().replace("ws", "http");
        return Err(SyntaxError::new(
            format!("{text:?} is where a WebSocket leads, not the page that opens it"),
            format!("write \"{scheme}://{rest}\""),
        ));
    }
    let (is_wildcard, plain) = match rest.strip_prefix("*.") {
        Some(domain) => (true, format!("{scheme}://{domain}")),
        None => (false, text.to_owned()),
    };
    let site = Site::parse(&plain).ok_or_else(|| format!("{text:?} is not an origin"))?;
    match is_wildcard {
        true if is_dns_name(&site.host) => Ok(OriginPattern::Wildcard(site)),
        true => Err(format!("{text:?} is not an origin").into()),
        false => Ok(OriginPattern::Exact(site)),
    }
}
