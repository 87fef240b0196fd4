//! `[route.NAME.jwt]`.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use toml::de::DeValue;

use super::authorize::ca;
use crate::config::authorize_syntax::KEYS_URL;
use crate::config::defaults;
use crate::config::jwt_syntax::{CLAIM, CLAIM_HEADER, CLAIM_VALUE, TOKEN_PLACE};
use crate::config::lists::list;
use crate::config::not_compared::NotCompared;
use crate::config::read::{choice, close_code, flag, named_file, text};
use crate::config::schema::JWT;
use crate::config::settings::{AuthScheme, Endless, JwtKeys, JwtSettings, KeysUrl, TokenPlace, TokenTowardsEndpoint};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::{DURATION, write_duration};

pub(super) fn jwt(route: &Section<'_>) -> Option<Arc<JwtSettings>> {
    let section = route.item("jwt")?.section(&JWT)?;
    let algorithms = section.try_read("algorithms", list(choice(&ALGORITHMS), "[\"RS256\"]"), Vec::new());
    let keys = keys(&section);
    if let (Some(keys), Some(algorithms)) = (&keys, &algorithms) {
        check_algorithms(&section, keys, algorithms);
    }
    let bearer = || vec![TokenPlace::Bearer];
    let from = section.try_read("from", list(text(TOKEN_PLACE), "[\"header:authorization\"]"), bearer());
    if let (Some(item), Some([])) = (section.item("from"), from.as_deref()) {
        item.fault("says nowhere: nobody would be let in", "write [\"header:authorization\"], or leave it out");
    }
    let issuer = section.try_read("issuer", one_or_more, Vec::new());
    let audience = section.try_read("audience", one_or_more, Vec::new());
    let leeway = section.try_read("leeway", text(DURATION), defaults::JWT_LEEWAY);
    let require_exp = section.try_read("require_exp", flag, true);
    let require = section.try_read("require", required, Vec::new());
    let headers = section.try_read("headers", headers, Vec::new());
    let keep_token = section.try_read("keep_token", flag, false);
    let close_code = section.try_read("close_code", close_code, defaults::JWT_CLOSE_CODE);
    Some(Arc::new(JwtSettings {
        keys: keys?,
        algorithms: algorithms?,
        from: from?,
        issuer: issuer?,
        audience: audience?,
        leeway: leeway?,
        endless: if require_exp? { Endless::Refuse } else { Endless::Pass },
        require: require?,
        headers: headers?,
        towards_endpoint: if keep_token? { TokenTowardsEndpoint::Kept } else { TokenTowardsEndpoint::Removed },
        close_code: close_code?,
    }))
}

/// Either `keys` or `secret`.
fn keys(section: &Section<'_>) -> Option<JwtKeys> {
    match (section.item("keys"), section.item("secret")) {
        (Some(keys), None) if is_url(&keys) => fetched(section, &keys).map(JwtKeys::Fetched),
        (Some(keys), None) => {
            check_unfetched(section);
            let file = named_file(&keys)?;
            keys.location().report().note_named(|named| named.jwt_keys.push(JwtKeys::Public(file.clone())));
            Some(JwtKeys::Public(file))
        }
        (None, Some(secret)) => {
            check_unfetched(section);
            let file = named_file(&secret)?;
            secret.location().report().note_named(|named| named.jwt_keys.push(JwtKeys::Secret(file.clone())));
            Some(JwtKeys::Secret(file))
        }
        (Some(_), Some(secret)) => {
            secret.fault(
                "stands beside `keys`: what signs by a secret and what signs by a key are never taken for one another",
                "leave one of them out, or write a route for each",
            );
            None
        }
        (None, None) => {
            section.missing(
                "keys",
                "is missing, and so is `secret`",
                "keys = \"issuer.pem\", or where the issuer has its JWK set: \"https://…\"",
            );
            None
        }
    }
}

/// Whether keys are fetched that are written so: no file has such a name.
fn is_url(item: &SpannedValue<'_>) -> bool {
    matches!(item.value(), DeValue::String(text) if text.contains("://") || text.starts_with("unix:"))
}

/// Keys that are fetched, and what is written about that.
fn fetched(section: &Section<'_>, keys: &SpannedValue<'_>) -> Option<KeysUrl> {
    let url = text(KEYS_URL)(keys);
    let refresh = section.try_read("keys_refresh", text(DURATION), defaults::KEYS_REFRESH);
    let ca = section.try_read("keys_ca", ca, None);
    if let (Some(item), Some(refresh)) = (section.item("keys_refresh"), refresh)
        && refresh < SHORTEST_REFRESH
    {
        let problem = format!("{} is too short: the issuer would have no rest", write_duration(refresh));
        item.fault(problem, "write \"1s\" or more; a key that is not known yet is fetched at once anyway");
    }
    if let (Some(url), Some(item)) = (&url, section.item("keys_ca"))
        && url.speaks == AuthScheme::Http
    {
        item.fault("is never looked at: the keys are not fetched over TLS", "write an https URL, or remove it");
    }
    Some(KeysUrl { url: url?, ca: ca?, refresh: refresh?, location: NotCompared(keys.location().source()) })
}

/// What is about fetching alone says nothing where nothing is fetched.
fn check_unfetched(section: &Section<'_>) {
    for item in ["keys_refresh", "keys_ca"].iter().filter_map(|key| section.item(key)) {
        item.fault("is not looked at: these keys are in a file", "write an https URL in `keys`, or remove it");
    }
}

/// A token signed by a public key's bytes, taken for a secret, must never be let in: the two kinds are kept apart here.
fn check_algorithms(section: &Section<'_>, keys: &JwtKeys, algorithms: &[Algorithm]) {
    let is_fit = |algorithm: &Algorithm| {
        let is_of_secret = algorithm.family() == AlgorithmFamily::Hmac;
        is_of_secret == matches!(keys, JwtKeys::Secret(_))
    };
    if let (Some(item), Some(unfit)) = (section.item("algorithms"), algorithms.iter().find(|it| !is_fit(it))) {
        let (problem, hint) = match keys {
            JwtKeys::Public(_) | JwtKeys::Fetched(_) => {
                ("needs a `secret`, and there are `keys`", "take it out, or name a `secret`")
            }
            JwtKeys::Secret(_) => ("needs `keys`, and there is a `secret`", "take it out, or name `keys`"),
        };
        item.fault(format!("{unfit:?} {problem}"), hint);
    }
}

/// A text, or a list of them.
fn one_or_more(item: &SpannedValue<'_>) -> Option<Vec<String>> {
    let texts = match item.value() {
        DeValue::String(_) => return claim_value(item).map(|text| vec![text]),
        DeValue::Array(_) => list(claim_value, "[\"one\", \"another\"]")(item)?,
        _ => {
            item.fault(format!("must be a text or a list of texts, not {}", item.type_name()), hint_of_text(item));
            return None;
        }
    };
    if texts.is_empty() {
        item.fault("is an empty list, which nothing is in", "leave it out");
        return None;
    }
    Some(texts)
}

fn claim_value(item: &SpannedValue<'_>) -> Option<String> {
    if !matches!(item.value(), DeValue::String(_)) {
        item.fault(format!("must be a text, not {}", item.type_name()), hint_of_text(item));
        return None;
    }
    text(CLAIM_VALUE)(item)
}

/// How to write as a text what is there.
fn hint_of_text(item: &SpannedValue<'_>) -> String {
    match item.value() {
        DeValue::Integer(number) => format!("write it in quotes: \"{number}\""),
        DeValue::Boolean(value) => format!("write it in quotes: \"{value}\""),
        _ => "write \"one\", or [\"one\", \"another\"]".into(),
    }
}

fn required(item: &SpannedValue<'_>) -> Option<Vec<(String, Vec<String>)>> {
    let entries = entries(item, "{ role = [\"user\", \"admin\"] }")?;
    let required: Vec<_> = entries
        .iter()
        .map(|(name, value)| {
            let name = (CLAIM.parse)(name).map_err(|error| value.fault(error.problem, "write a name")).ok();
            Some((name?, one_or_more(value)?))
        })
        .collect();
    required.into_iter().collect()
}

fn headers(item: &SpannedValue<'_>) -> Option<Vec<(http::HeaderName, String)>> {
    let entries = entries(item, "{ x-user = \"sub\" }")?;
    let headers: Vec<_> = entries
        .iter()
        .map(|(name, value)| {
            let header = (CLAIM_HEADER.parse)(name);
            let hint = "write the name of a header of your own, such as x-user";
            let header = header.map_err(|error| value.fault(error.problem, error.hint.unwrap_or(hint.into()))).ok();
            Some((header?, text(CLAIM)(value)?))
        })
        .collect();
    headers.into_iter().collect()
}

/// What stands in a table whose keys are anybody's.
pub(super) fn entries<'a>(item: &SpannedValue<'a>, example: &str) -> Option<Vec<(&'a str, SpannedValue<'a>)>> {
    let entries = item.entries();
    if entries.is_none() {
        item.fault(format!("must be a table, not {}", item.type_name()), format!("write it as {example}"));
    }
    entries
}

/// More often asks nobody, and each proxy of a fleet does.
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);

const ALGORITHMS: [(&str, Algorithm); 12] = [
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];
