//! What must hold of tokens that are taken out of heads. `tests/corpus.rs` calls it too.

use std::path::Path;
use std::sync::LazyLock;

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use windlass::access::{TokenFault, take_token};
use windlass::config::{JwtSettings, TokenPlace, parse};

/// Of what a route looks for nothing is left for its endpoint to find, and all else is left as it was.
///
/// The first byte chooses where tokens are looked for, the second in which order. Then come the target, and a field's value on each
/// further line, whose first byte says of which field.
pub fn tokens(data: &[u8]) {
    let [choice, order, text @ ..] = data else { return };
    let mut lines = text.split(|&byte| byte == b'\n');
    let Ok(before) = Uri::try_from(lines.next().unwrap_or_default()) else { return };
    let (headers_before, mut uri) = (fields(lines), before.clone());
    let (mut headers, mut settings) = (headers_before.clone(), (*SETTINGS).clone());
    let chosen = SETTINGS.from.iter().enumerate().filter(|(place, _)| choice & (1 << place) != 0);
    settings.from = chosen.map(|(_, place)| place.clone()).collect();
    let places = settings.from.len().max(1);
    settings.from.rotate_left(usize::from(*order) % places);
    let token = take_token(&settings, &mut headers, &mut uri);
    let told = || format!("{:?}: {headers_before:?} {before} became {headers:?} {uri}", settings.from);
    assert_ne!(token, Err(TokenFault::Claim));
    let again = take_token(&settings, &mut headers.clone(), &mut uri.clone());
    assert_eq!(again.err(), Some(TokenFault::Missing), "{}", told());
    let has = |wanted: fn(&TokenPlace) -> bool| settings.from.iter().any(wanted);

    let lines = |headers: &HeaderMap, name: &HeaderName| -> Vec<Vec<u8>> {
        headers.get_all(name).iter().map(|line| line.as_bytes().to_vec()).collect()
    };
    // Whoever reads the scheme up to the first blank.
    let is_bearer = |line: &Vec<u8>| {
        let scheme = line.split(|byte| b" \t".contains(byte)).next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"bearer") && scheme.len() < line.len()
    };
    let is_out = has(|place| *place == TokenPlace::Bearer);
    let mut kept = lines(&headers_before, &AUTHORIZATION);
    kept.retain(|line| !is_out || !is_bearer(line));
    assert_eq!(lines(&headers, &AUTHORIZATION), kept, "{}", told());

    let is_out = has(|place| matches!(place, TokenPlace::Header(_)));
    let kept = if is_out { Vec::new() } else { lines(&headers_before, &X_TOKEN) };
    assert_eq!(lines(&headers, &X_TOKEN), kept, "{}", told());

    let is_out = has(|place| matches!(place, TokenPlace::Cookie(_)));
    let is_token = |pair: &Vec<u8>| pair.split(|&byte| byte == b'=').next().map(<[u8]>::trim_ascii) == Some(b"t");
    let pairs = |headers: &HeaderMap| {
        let pairs = parts(&lines(headers, &COOKIE), b';').into_iter();
        pairs.filter(|pair| !(is_out && pair.contains(&b'=') && is_token(pair))).collect::<Vec<_>>()
    };
    assert_eq!(parts(&lines(&headers, &COOKIE), b';'), pairs(&headers_before), "{}", told());

    let mut offered = parts(&lines(&headers_before, &SEC_WEBSOCKET_PROTOCOL), b',');
    for place in &settings.from {
        match place {
            TokenPlace::ProtocolBegins(prefix) => offered.retain(|entry| !entry.starts_with(prefix.as_bytes())),
            TokenPlace::ProtocolAfter(name) => {
                let mut is_behind = false;
                offered.retain(|entry| {
                    let is_name = entry == name.as_bytes();
                    !(is_name | std::mem::replace(&mut is_behind, is_name))
                });
            }
            _ => {}
        }
    }
    assert_eq!(parts(&lines(&headers, &SEC_WEBSOCKET_PROTOCOL), b','), offered, "{}", told());

    let is_out = has(|place| matches!(place, TokenPlace::Query(_)));
    let pieces = |uri: &Uri| -> Vec<String> {
        uri.query().into_iter().flat_map(|it| it.split('&')).map(str::to_owned).collect()
    };
    let mut kept = pieces(&before);
    kept.retain(|piece| !is_out || decoded(piece.split('=').next().unwrap_or_default()) != b"token");
    assert_eq!(pieces(&uri), kept, "{}", told());
    assert_eq!((uri.path(), uri.authority()), (before.path(), before.authority()), "{}", told());
}

/// A name in a query, as a server reads it.
fn decoded(name: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        rest = behind;
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// What stands between the separators of these lines, but for blanks.
fn parts(lines: &[Vec<u8>], separator: u8) -> Vec<Vec<u8>> {
    let parts = lines.iter().flat_map(|line| line.split(move |&byte| byte == separator));
    parts.map(|part| part.trim_ascii().to_vec()).filter(|part| !part.is_empty()).collect()
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(50) {
        let Some((name, value)) = line.split_first() else { continue };
        let name = [AUTHORIZATION, X_TOKEN, COOKIE, SEC_WEBSOCKET_PROTOCOL].into_iter().nth(usize::from(name % 4));
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    headers
}

const X_TOKEN: HeaderName = HeaderName::from_static("x-token");

/// A route that looks everywhere.
static SETTINGS: LazyLock<JwtSettings> = LazyLock::new(|| {
    const SITE: &str = r#"
[listener.l]
bind = "127.0.0.1:1"
[upstream.u]
endpoints = ["127.0.0.1:2"]
[route.r]
upstream = "u"
[route.r.jwt]
keys = "keys.pem"
from = ["header:authorization", "header:x-token", "cookie:t", "query:token", "protocol:bearer.", "protocol:access_token"]
"#;
    let settings = parse(SITE, Path::new("windlass.toml")).expect("a configuration");
    let route = settings.routes.values().next().expect("a route");
    (**route.access.jwt.as_ref().expect("a route that asks for tokens")).clone()
});
