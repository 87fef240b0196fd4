//! Finding the token of a request, and taking tokens out of what its endpoint reads.

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use zeroize::Zeroizing;

use super::token_fault::TokenFault;
use crate::config::{JwtSettings, TokenPlace, TokenTowardsEndpoint};
use crate::grammar::{members, remove};

/// The longest token that is looked at. A head has room for more, and nobody needs it.
const MOST_BYTES: usize = 16 * 1024;

/// The token of a request: of the first place where there is one. From all of them it is taken out, unless it is kept.
///
/// # Errors
/// There is none, or more than one in that place, or it is too long.
pub fn take_token(
    settings: &JwtSettings,
    headers: &mut HeaderMap,
    uri: &mut Uri,
) -> Result<Zeroizing<Vec<u8>>, TokenFault> {
    let found = settings.from.iter().map(|place| tokens_in(place, headers, uri)).find(|tokens| !tokens.is_empty());
    if settings.towards_endpoint == TokenTowardsEndpoint::Removed {
        for place in &settings.from {
            take_out(place, headers, uri)?;
        }
    }
    let mut tokens = found.ok_or(TokenFault::Missing)?;
    match (tokens.pop(), tokens.pop()) {
        (Some(token), None) if token.len() <= MOST_BYTES => Ok(token),
        _ => Err(TokenFault::Malformed),
    }
}

/// Everything in this place that is taken for a token.
fn tokens_in(place: &TokenPlace, headers: &HeaderMap, uri: &Uri) -> Vec<Zeroizing<Vec<u8>>> {
    let owned = |token: &[u8]| Zeroizing::new(token.to_vec());
    match place {
        TokenPlace::Bearer => {
            headers.get_all(AUTHORIZATION).iter().filter_map(|line| bearer(line)).map(owned).collect()
        }
        TokenPlace::Header(name) => {
            let lines = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii());
            lines.filter(|line| !line.is_empty()).map(owned).collect()
        }
        TokenPlace::Cookie(name) => {
            let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
            let values = pairs.filter_map(|pair| cookie_value(pair, name.as_str()));
            values.filter(|value| !value.is_empty()).map(owned).collect()
        }
        TokenPlace::Query(name) => {
            let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let values = pairs.filter(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
            values.map(|value| Zeroizing::new(value.into_owned().into_bytes())).collect()
        }
        TokenPlace::ProtocolBegins(prefix) => {
            let offered = members(headers, &SEC_WEBSOCKET_PROTOCOL);
            offered.filter_map(|entry| entry.strip_prefix(prefix.as_bytes())).map(owned).collect()
        }
        TokenPlace::ProtocolAfter(name) => {
            let offered: Vec<_> = members(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
            let pairs = offered.iter().zip(offered.iter().skip(1));
            pairs.filter(|(entry, _)| **entry == name.as_bytes()).map(|(_, token)| owned(token)).collect()
        }
    }
}

/// Takes out of a request whatever stands in this place, also where another one decides.
fn take_out(place: &TokenPlace, headers: &mut HeaderMap, uri: &mut Uri) -> Result<(), TokenFault> {
    match place {
        TokenPlace::Bearer => keep_lines(headers, &AUTHORIZATION, |line| bearer(line).is_none().then(|| line.clone())),
        TokenPlace::Header(name) => remove(headers, |header| header == name),
        TokenPlace::Cookie(name) => take_out_cookie(headers, name.as_str()),
        TokenPlace::Query(name) => return without_parameter(name, uri),
        TokenPlace::ProtocolBegins(prefix) => keep_protocols(headers, |entries| {
            entries.into_iter().filter(|entry| !entry.starts_with(prefix.as_bytes())).collect()
        }),
        TokenPlace::ProtocolAfter(name) => keep_protocols(headers, |entries| {
            let is_name = |entry: &[u8]| entry == name.as_bytes();
            let before = std::iter::once(None).chain(entries.iter().copied().map(Some));
            let pairs = entries.iter().copied().zip(before);
            pairs
                .filter(|(entry, before)| !is_name(entry) && !before.is_some_and(is_name))
                .map(|(entry, _)| entry)
                .collect()
        }),
    }
    Ok(())
}

/// The credentials of a line of Authorization whose scheme is Bearer (RFC 6750 §2.1); the scheme in any case (RFC 9110 §11.1), and apart
/// from them by whatever an endpoint may take for a blank (RFC 9110 §5.6.3).
fn bearer(line: &HeaderValue) -> Option<&[u8]> {
    let (scheme, credentials) = line.as_bytes().trim_ascii().split_at_checked(BEARER.len())?;
    let is_apart = matches!(credentials, [b' ' | b'\t', ..]);
    (scheme.eq_ignore_ascii_case(BEARER) && is_apart).then(|| credentials.trim_ascii())
}

/// Takes out every cookie of this name; lines without one stay as they are.
pub(super) fn take_out_cookie(headers: &mut HeaderMap, name: &str) {
    keep_lines(headers, &COOKIE, |line| {
        let pairs: Vec<_> = line.as_bytes().split(|byte| *byte == b';').collect();
        let kept = pairs.iter().filter(|pair| cookie_value(pair, name).is_none());
        let kept: Vec<_> = kept.map(|pair| pair.trim_ascii()).filter(|pair| !pair.is_empty()).collect();
        if kept.len() == pairs.len() { Some(line.clone()) } else { joined(&kept, b"; ") }
    });
}

/// What this cookie of a line is, if it is of this name.
pub(super) fn cookie_value<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii_start())
}

/// Makes of each line of this name what `kept` leaves of it.
fn keep_lines(headers: &mut HeaderMap, name: &HeaderName, kept: impl Fn(&HeaderValue) -> Option<HeaderValue>) {
    let lines: Vec<_> = headers.get_all(name).iter().map(&kept).collect();
    let is_same = headers.get_all(name).iter().zip(&lines).all(|(before, now)| Some(before) == now.as_ref());
    if !is_same {
        remove(headers, |header| header == name);
        for line in lines.into_iter().flatten() {
            headers.append(name, line);
        }
    }
}

/// Leaves these of the subprotocols that are offered; none is no offer.
fn keep_protocols<'h>(headers: &'h mut HeaderMap, kept: impl for<'a> Fn(Vec<&'a [u8]>) -> Vec<&'a [u8]>) {
    let offered: Vec<_> = members(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    let before = offered.len();
    let kept = kept(offered);
    if kept.len() == before {
        return;
    }
    let line = joined(&kept, b", ");
    remove(headers, |header| header == SEC_WEBSOCKET_PROTOCOL);
    if let Some(line) = line {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, line);
    }
}

fn joined(parts: &[&[u8]], between: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&parts.join(between)).ok().filter(|line| !line.is_empty())
}

/// Takes a parameter out of the query; the others stay as they were written.
fn without_parameter(name: &str, uri: &mut Uri) -> Result<(), TokenFault> {
    let Some(query) = uri.query() else { return Ok(()) };
    let is_named = |pair: &str| form_urlencoded::parse(pair.as_bytes()).any(|(key, _)| key == name);
    if !query.split('&').any(is_named) {
        return Ok(());
    }
    let kept: Vec<_> = query.split('&').filter(|pair| !is_named(pair)).collect();
    let target = if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) };
    // What is left of a target that was one is one; were it not, the token must not go on.
    let target = PathAndQuery::try_from(target).map_err(|_| TokenFault::Malformed)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    *uri = Uri::from_parts(parts).map_err(|_| TokenFault::Malformed)?;
    Ok(())
}

const BEARER: &[u8] = b"Bearer";
