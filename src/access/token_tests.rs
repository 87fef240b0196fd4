//! Tokens of every algorithm, and those of somebody who forges them.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{KeySet, KeysFault, TokenFault, Verified, verify};
use crate::config::JwtSettings;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const SECRET: &[u8] = &[b's'; 64];

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap());
static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
static P384: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap());
static ED: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn der<'k, K: AsDer<PublicKeyX509Der<'k>>>(key: &K) -> String {
    pem(key.as_der().unwrap().as_ref())
}

/// The public keys of all four.
fn every_key() -> String {
    [der(RSA.public_key()), der(P256.public_key()), der(P384.public_key()), der(ED.public_key())].concat()
}

fn signature_of(algorithm: &str, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let by_rsa = |encoding: &'static dyn signature::RsaEncoding| {
        let mut signed = vec![0; RSA.public_modulus_len()];
        RSA.sign(encoding, &random, message, &mut signed).unwrap();
        signed
    };
    let by_secret = |algorithm| hmac::sign(&hmac::Key::new(algorithm, SECRET), message).as_ref().to_vec();
    match algorithm {
        "HS256" => by_secret(hmac::HMAC_SHA256),
        "HS384" => by_secret(hmac::HMAC_SHA384),
        "HS512" => by_secret(hmac::HMAC_SHA512),
        "RS256" => by_rsa(&signature::RSA_PKCS1_SHA256),
        "RS384" => by_rsa(&signature::RSA_PKCS1_SHA384),
        "RS512" => by_rsa(&signature::RSA_PKCS1_SHA512),
        "PS256" => by_rsa(&signature::RSA_PSS_SHA256),
        "PS384" => by_rsa(&signature::RSA_PSS_SHA384),
        "PS512" => by_rsa(&signature::RSA_PSS_SHA512),
        "ES256" => P256.sign(&random, message).unwrap().as_ref().to_vec(),
        "ES384" => P384.sign(&random, message).unwrap().as_ref().to_vec(),
        "EdDSA" => ED.sign(message).as_ref().to_vec(),
        other => panic!("{other}"),
    }
}

fn message(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

fn signed(algorithm: &str, header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature_of(algorithm, message.as_bytes())))
}

fn claims() -> Value {
    json!({ "sub": "ada", "exp": NOW.as_secs() + 60 })
}

fn token(algorithm: &str) -> String {
    signed(algorithm, &json!({ "alg": algorithm }), &claims())
}

/// A token of ES256 that says this.
fn says(claims: Value) -> String {
    signed("ES256", &json!({ "alg": "ES256" }), &claims)
}

pub(super) fn settings(more: &str) -> Arc<JwtSettings> {
    let key = if more.contains("secret =") { "" } else { "keys = \"keys.pem\"\n" };
    let source = format!(
        "[listener.a]\nbind = \"127.0.0.1:0\"\n[upstream.a]\nendpoints = [\"127.0.0.1:1\"]\n\
         [route.a]\nupstream = \"a\"\n[route.a.jwt]\n{key}{more}\n"
    );
    let settings = crate::config::parse(&source, Path::new("windlass.toml")).unwrap();
    settings.routes["a"].access.jwt.clone().unwrap()
}

fn keys() -> KeySet {
    KeySet::public(every_key().as_bytes()).unwrap()
}

fn judged(more: &str, token: &str) -> Result<Verified, TokenFault> {
    verify(&settings(more), &keys(), token.as_bytes(), NOW)
}

fn fault(more: &str, token: &str) -> TokenFault {
    judged(more, token).unwrap_err()
}

const ASYMMETRIC: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

#[test]
fn each_algorithm_lets_in_by_its_key_and_none_by_the_signature_of_another() {
    for algorithm in ASYMMETRIC {
        let verified = judged("", &token(algorithm)).unwrap_or_else(|fault| panic!("{algorithm}: {fault:?}"));
        assert_eq!((verified.subject.as_deref(), verified.ends), (Some("ada"), Some(NOW + Duration::from_secs(60))));
        for other in ASYMMETRIC.into_iter().filter(|other| *other != algorithm) {
            let forged = signed(other, &json!({ "alg": algorithm }), &claims());
            assert_eq!(fault("", &forged), TokenFault::Signature, "{algorithm} signed by {other}");
        }
    }
}

#[test]
fn a_secret_lets_in_by_its_own_algorithms_alone() {
    let keys = KeySet::secret(SECRET).unwrap();
    let judged = |token: String| verify(&settings("secret = \"s\""), &keys, token.as_bytes(), NOW);
    for algorithm in ["HS256", "HS384", "HS512"] {
        assert!(judged(token(algorithm)).is_ok(), "{algorithm}");
    }
    assert_eq!(judged(token("RS256")), Err(TokenFault::Algorithm));
    let short = KeySet::secret(&SECRET[..32]).unwrap();
    assert_eq!(verify(&settings("secret = \"s\""), &short, token("HS512").as_bytes(), NOW), Err(TokenFault::Algorithm));
    assert_eq!(KeySet::secret(&SECRET[..31]).unwrap_err(), KeysFault::WeakSecret);
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let public = der(RSA.public_key());
    for secret in [public.as_bytes(), public.trim().as_bytes(), RSA.public_key().as_ref()] {
        let message = message(&json!({ "alg": "HS256" }), &claims());
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(fault("", &forged), TokenFault::Algorithm);
    }
}

#[test]
fn a_token_that_nobody_has_signed_lets_nobody_in() {
    for none in ["none", "None", "nOnE", "NONE", ""] {
        let unsigned = message(&json!({ "alg": none }), &claims());
        for forged in [format!("{unsigned}."), format!("{unsigned}.AAAA"), unsigned] {
            assert_eq!(fault("", &forged), TokenFault::Malformed, "{forged}");
        }
    }
    let whole = token("ES256");
    let without = whole.rsplit_once('.').unwrap().0;
    assert_eq!(fault("", &format!("{without}.")), TokenFault::Signature);
    assert_eq!(fault("", without), TokenFault::Malformed);
    assert_eq!(fault("", &format!("{whole}.x")), TokenFault::Malformed);
    for nonsense in ["", ".", "..", "...", "a.b.c", "💥.💥.💥"] {
        assert_eq!(fault("", nonsense), TokenFault::Malformed, "{nonsense:?}");
    }
}

#[test]
fn what_is_configured_chooses_the_algorithm_and_not_the_token() {
    assert!(judged("algorithms = [\"ES256\", \"RS256\"]", &token("ES256")).is_ok());
    assert_eq!(fault("algorithms = [\"ES256\"]", &token("RS256")), TokenFault::Algorithm);
    let extended = signed("ES256", &json!({ "alg": "ES256", "crit": ["b64"], "b64": false }), &claims());
    assert_eq!(fault("", &extended), TokenFault::Malformed);
    // The key that a token brings along is its forger's.
    let own = json!({ "alg": "ES256", "jku": "https://evil.test/", "jwk": { "kty": "oct", "k": "AAAA" } });
    assert_ne!(judged("", &signed("ES384", &own, &claims())).map(drop), Ok(()));
}

fn jwks(more: Value) -> Vec<u8> {
    let point = P256.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let mut key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "one" });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let other = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET), "kid": "two" });
    json!({ "keys": [key, other, { "kty": "?" }, 7] }).to_string().into_bytes()
}

#[test]
fn the_key_of_a_set_is_that_with_the_id_and_an_id_is_nothing_else() {
    let set = KeySet::public(&jwks(json!({}))).unwrap();
    let judged = |header| verify(&settings(""), &set, signed("ES256", &header, &claims()).as_bytes(), NOW).map(drop);
    assert_eq!(judged(json!({ "alg": "ES256", "kid": "one" })), Ok(()));
    assert_eq!(judged(json!({ "alg": "ES256" })), Ok(()));
    for id in ["two", "", "../../etc/passwd", "/dev/null", "one\0", "ONE", "' or 1=1"] {
        assert_eq!(judged(json!({ "alg": "ES256", "kid": id })), Err(TokenFault::UnknownKey), "{id}");
    }
    // Its issuer may have gone over to another algorithm: with a key that is not known, and not with one that is.
    let other = |id| signed("ES384", &json!({ "alg": "ES384", "kid": id }), &claims());
    let judged_other = |id| verify(&settings(""), &set, other(id).as_bytes(), NOW).map(drop);
    assert_eq!(judged_other("new"), Err(TokenFault::UnknownKey));
    assert_eq!(judged_other("one"), Err(TokenFault::Algorithm));
    // A secret that stands in a set of public keys is no secret.
    let by_secret = signed("HS256", &json!({ "alg": "HS256", "kid": "two" }), &claims());
    assert_eq!(verify(&settings(""), &set, by_secret.as_bytes(), NOW).unwrap_err(), TokenFault::Algorithm);
}

#[test]
fn a_token_whose_key_is_named_and_not_there_is_of_an_unknown_one_also_beside_keys_without_names() {
    let point = |key: &EcdsaKeyPair| {
        let point = key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    };
    let other = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (nameless, mut named) = (point(&other), point(&P256));
    let judged = |set: Value, id| {
        let set = KeySet::public(json!({ "keys": set }).to_string().as_bytes()).unwrap();
        let token = signed("ES256", &json!({ "alg": "ES256", "kid": id }), &claims());
        verify(&settings(""), &set, token.as_bytes(), NOW).map(drop)
    };
    named["kid"] = json!("one");
    assert_eq!(judged(json!([nameless, named]), "one"), Ok(()));
    assert_eq!(judged(json!([nameless, named]), "two"), Err(TokenFault::UnknownKey));
    assert_eq!(
        judged(json!([nameless]), "two"),
        Err(TokenFault::Signature),
        "where none has a name, names say nothing"
    );
}

#[test]
fn a_key_of_a_set_that_is_for_something_else_is_left_out() {
    for usable in [json!({ "use": "sig" }), json!({ "key_ops": ["verify"] }), json!({ "alg": "ES256" })] {
        assert!(KeySet::public(&jwks(usable)).is_ok());
    }
    for unusable in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["encrypt"] }),
        json!({ "alg": "ECDH-ES" }),
        json!({ "alg": "RS256" }),
        json!({ "crv": "P-521" }),
    ] {
        assert_eq!(KeySet::public(&jwks(unusable.clone())).unwrap_err(), KeysFault::NoUsable, "{unusable}");
    }
    for (bytes, is_usable) in [(255, false), (256, true)] {
        // What stands before the first bit is no part of its size.
        let n = URL_SAFE_NO_PAD.encode([vec![0; 9], vec![0xff; bytes]].concat());
        let set = json!({ "keys": [{ "kty": "RSA", "n": n, "e": "AQAB" }] }).to_string();
        assert_eq!(KeySet::public(set.as_bytes()).is_ok(), is_usable, "{bytes} bytes");
    }
    let many = json!({ "keys": vec![json!({ "kty": "?" }); 65] }).to_string();
    assert_eq!(KeySet::public(many.as_bytes()).unwrap_err(), KeysFault::TooMany);
    for nothing in ["", "{}", "{", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "AAAA"] {
        assert_eq!(KeySet::public(nothing.as_bytes()).unwrap_err(), KeysFault::NoKey, "{nothing}");
    }
}

#[test]
fn a_token_holds_from_nbf_to_exp_and_the_leeway_about_them() {
    let at = |seconds: i64| NOW.as_secs().checked_add_signed(seconds).unwrap();
    let judged = |claims| judged("leeway = \"30s\"", &says(claims)).map(|verified| verified.ends);
    let ends = |seconds| Ok(Some(Duration::from_secs(at(seconds))));
    assert_eq!(judged(json!({ "exp": at(1), "nbf": at(30) })), ends(1));
    assert_eq!(judged(json!({ "exp": at(-29) })), ends(1), "what is left of the leeway");
    assert_eq!(judged(json!({ "exp": at(-30) })), Err(TokenFault::Expired));
    assert_eq!(judged(json!({ "exp": at(60), "nbf": at(31) })), Err(TokenFault::Early));
    assert_eq!(judged(json!({ "exp": NOW.as_secs_f64() + 0.5 })), Ok(Some(NOW + Duration::from_millis(500))));
    assert_eq!(judged(json!({})), Err(TokenFault::Endless));
    for odd in [json!("soon"), json!(-1), json!(1e300), json!([1])] {
        assert_eq!(judged(json!({ "exp": odd })), Err(TokenFault::Malformed), "{odd}");
    }
    assert_eq!(verify(&settings("require_exp = false"), &keys(), says(json!({})).as_bytes(), NOW).unwrap().ends, None);
}

#[test]
fn a_token_is_of_its_issuer_for_its_audience_and_says_what_is_required() {
    let with = |more: Value| {
        let mut all = claims();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        says(all)
    };
    let rules = "issuer = \"https://login.test\"\naudience = [\"chat\", \"api\"]\nrequire = { \"realm.roles\" = [\"user\", \"admin\"], ok = \"true\" }";
    let right =
        json!({ "iss": "https://login.test", "aud": ["x", "api"], "realm": { "roles": ["admin"] }, "ok": true });
    let verified = judged(rules, &with(right.clone())).unwrap();
    assert!(verified.claims["realm.roles"].says("admin"));
    for (name, wrong, fault_of_it) in [
        ("iss", json!("https://evil.test"), TokenFault::Issuer),
        ("iss", Value::Null, TokenFault::Issuer),
        ("aud", json!(["x"]), TokenFault::Audience),
        ("aud", json!([]), TokenFault::Audience),
        ("realm", json!({ "roles": ["guest"] }), TokenFault::Claim),
        ("realm", json!({ "roles": "admin,user" }), TokenFault::Claim),
        ("ok", json!(false), TokenFault::Claim),
    ] {
        let mut claims = right.clone();
        claims[name] = wrong;
        assert_eq!(fault(rules, &with(claims.clone())), fault_of_it, "{claims}");
    }
}

#[test]
fn a_token_that_says_more_than_is_kept_is_not_believed_at_all() {
    let with = |more: Value| {
        let mut all = claims();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        judged("require = { last = \"1\" }", &says(all)).map(|verified| verified.claims.len())
    };
    // `sub`, `exp` and `last` are three more.
    let many =
        |count: usize| (0..count).map(|number| (format!("a{number}"), json!(1))).collect::<serde_json::Map<_, _>>();
    let last = |mut claims: serde_json::Map<String, Value>| {
        claims.insert("last".into(), json!(1));
        with(Value::Object(claims))
    };
    assert_eq!(last(many(253)), Ok(256));
    assert_eq!(last(many(254)), Err(TokenFault::Malformed));
    let within = |count| json!({ "last": 1, "org": Value::Object(many(count)) });
    assert_eq!(with(within(253)), Ok(256));
    assert_eq!(with(within(254)), Err(TokenFault::Malformed));
    let (name, outer) = ("n".repeat(250), "o".repeat(5));
    assert_eq!(with(json!({ "last": 1, &outer: { &name: 1 } })), Ok(4));
    assert_eq!(with(json!({ "last": 1, &outer: { format!("{name}n"): 1 } })), Err(TokenFault::Malformed));
    assert_eq!(with(json!({ "last": 1, "n".repeat(257): {} })), Err(TokenFault::Malformed));
    assert_eq!(with(json!({ "last": 1, "ids": vec![1; 2_000] })), Ok(4));
    assert_eq!(with(json!({ "last": 1, "ids": vec![1; 3_000] })), Err(TokenFault::Malformed));
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(token in ".{0,200}", header in "\\{.{0,40}\\}") {
        let _ = judged("", &token);
        let _ = judged("", &format!("{}.{}.x", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&token)));
    }
}
