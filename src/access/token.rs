//! Whether a token holds, and what it says (RFC 7519).
//!
//! Invariants: the route and its keys say by what a token may be signed, and its own header only chooses among them; nothing
//! that it says is looked at before its signature is.

use std::time::Duration;

use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::key_set::KeySet;
use super::permission::{Claim, Claims};
use super::token_fault::TokenFault;
use crate::config::{Endless, JwtSettings};

/// What a token says that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Of whom.
    pub subject: Option<Box<str>>,
    /// What it says of them.
    pub claims: Claims,
    /// When it ends, counted as `now` was; `None`: never.
    pub ends: Option<Duration>,
}

/// Judges a token; `now` is the time since 1970.
///
/// # Errors
/// Why it lets nobody in.
pub fn verify(settings: &JwtSettings, keys: &KeySet, token: &[u8], now: Duration) -> Result<Verified, TokenFault> {
    let said = signed_claims(settings, keys, token)?;
    let ends = judge_times(settings, &said, now)?;
    let is_among = |wanted: &[String], name| wanted.is_empty() || says_one(said.get(name), wanted);
    if !is_among(&settings.issuer, "iss") {
        return Err(TokenFault::Issuer);
    }
    if !is_among(&settings.audience, "aud") {
        return Err(TokenFault::Audience);
    }
    let claims = flattened(&said)?;
    let has = |(name, wanted): &(String, Vec<String>)| {
        claims.get(name.as_str()).is_some_and(|claim| wanted.iter().any(|text| claim.says(text)))
    };
    if !settings.require.iter().all(has) {
        return Err(TokenFault::Claim);
    }
    let subject = said.get("sub").and_then(Value::as_str).map(Into::into);
    Ok(Verified { subject, claims, ends })
}

/// What stands in a token whose signature is right.
fn signed_claims(settings: &JwtSettings, keys: &KeySet, token: &[u8]) -> Result<Map<String, Value>, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
    // An extension that we must understand, and do not (RFC 7515 §4.1.11).
    if header.crit.is_some() {
        return Err(TokenFault::Malformed);
    }
    let algorithm = header.alg;
    let is_taken = settings.algorithms.is_empty() || settings.algorithms.contains(&algorithm);
    if !is_taken {
        return Err(TokenFault::Algorithm);
    }
    if !keys.is_for(algorithm) {
        // Its issuer may have gone over to another algorithm, with another key.
        let is_new = header.kid.as_deref().is_some_and(|id| keys.may_gain(algorithm, id));
        return Err(if is_new { TokenFault::UnknownKey } else { TokenFault::Algorithm });
    }
    let mut validation = Validation::new(algorithm);
    // By a clock that is an argument, and to the moment: we do it ourselves.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let mut fault = TokenFault::UnknownKey;
    for key in keys.keys(algorithm, header.kid.as_deref()) {
        match decode::<Map<String, Value>>(token, &key.key, &validation) {
            Ok(token) => return Ok(token.claims),
            Err(error) => fault = fault_of(&error),
        }
    }
    // It was tried with those that have no name, and is of one that has.
    let is_new = header.kid.as_deref().is_some_and(|id| keys.has_ids() && keys.may_gain(algorithm, id));
    Err(if is_new && fault == TokenFault::Signature { TokenFault::UnknownKey } else { fault })
}

/// The crate's own words may quote the token, so that nothing else is taken of them.
fn fault_of(error: &jsonwebtoken::errors::Error) -> TokenFault {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) => {
            TokenFault::Malformed
        }
        _ => TokenFault::Signature,
    }
}

fn judge_times(
    settings: &JwtSettings,
    said: &Map<String, Value>,
    now: Duration,
) -> Result<Option<Duration>, TokenFault> {
    let (expires, begins) = (moment(said, "exp")?, moment(said, "nbf")?);
    if expires.is_none() && settings.endless == Endless::Refuse {
        return Err(TokenFault::Endless);
    }
    if begins.is_some_and(|begins| begins > now.saturating_add(settings.leeway)) {
        return Err(TokenFault::Early);
    }
    match expires {
        Some(expires) if expires.saturating_add(settings.leeway) <= now => Err(TokenFault::Expired),
        // By our clock it is over, by that of its issuer not yet: what is left of the leeway is what it has.
        Some(expires) if expires <= now => Ok(Some(expires.saturating_add(settings.leeway))),
        ends => Ok(ends),
    }
}

/// A NumericDate (RFC 7519 §2), which may have a fraction.
fn moment(said: &Map<String, Value>, name: &str) -> Result<Option<Duration>, TokenFault> {
    match said.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            seconds.map(Some).ok_or(TokenFault::Malformed)
        }
    }
}

fn says_one(value: Option<&Value>, wanted: &[String]) -> bool {
    let is_wanted = |value: &Value| value.as_str().is_some_and(|text| wanted.iter().any(|it| it == text));
    match value {
        Some(Value::Array(values)) => values.iter().any(is_wanted),
        Some(value) => is_wanted(value),
        None => false,
    }
}

/// The claims by name, those within others too. A list of tables, or what lies deeper than anybody looks, says nothing. A tunnel keeps
/// them, so they are bounded; of a token that has more nothing is believed, for whoever looked for the rest would not find it.
fn flattened(said: &Map<String, Value>) -> Result<Claims, TokenFault> {
    let (mut claims, mut bytes) = (Claims::new(), 0_usize);
    let mut open: Vec<(String, &Map<String, Value>, usize)> = vec![(String::new(), said, 0)];
    while let Some((before, table, depth)) = open.pop() {
        for (name, value) in table {
            let name = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
            bytes = bytes.saturating_add(name.len()).saturating_add(text_length(value));
            if name.len() > LONGEST_NAME || bytes > MOST_BYTES || claims.len() + open.len() >= MOST_CLAIMS {
                return Err(TokenFault::Malformed);
            }
            match value {
                Value::Object(table) if depth < DEEPEST => open.push((name, table, depth + 1)),
                Value::Array(values) => {
                    let texts = values.iter().filter_map(text).collect();
                    claims.entry(name.into()).or_insert(Claim::List(texts));
                }
                value => {
                    if let Some(text) = text(value) {
                        // What stands higher has the name first.
                        claims.entry(name.into()).or_insert(Claim::Text(text));
                    }
                }
            }
        }
    }
    Ok(claims)
}

fn text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(is_so) => Some(is_so.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// How long the texts of a claim are.
fn text_length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => {
            values.iter().map(|value| text_length(value).saturating_add(size_of::<Box<str>>())).sum()
        }
        _ => size_of::<Box<str>>(),
    }
}

/// How many claims a token may have, how long the name of one may be, those around it included, and how much all of them take, in bytes.
const MOST_CLAIMS: usize = 256;
const LONGEST_NAME: usize = 256;
const MOST_BYTES: usize = 64 * 1024;

/// How deep a claim may lie.
const DEEPEST: usize = 4;
