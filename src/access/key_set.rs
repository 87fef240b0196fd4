//! The keys that tokens are verified with: read of a file, and found by what a token says of its own.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use thiserror::Error;
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// The keys of a route.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
    /// Of the file, to tell whether it has changed.
    digest: Box<[u8]>,
}

/// One key, and which algorithms it is for.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why a file is no keys.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeysFault {
    /// Neither form.
    #[error("holds no public key, neither as PEM (BEGIN PUBLIC KEY) nor as a JWK set")]
    NoKey,
    /// One of PEM that is unknown.
    #[error("holds a public key that is none of RSA, P-256, P-384 and Ed25519")]
    UnknownKind,
    /// One that is too weak.
    #[error("holds an RSA key of less than 2048 bits")]
    WeakRsa,
    /// Too many.
    #[error("holds more than {MOST_KEYS} keys")]
    TooMany,
    /// A JWK set from which nothing can be taken.
    #[error("is a JWK set without a public key that signs: RSA, P-256, P-384 or Ed25519")]
    NoUsable,
    /// A secret that can be guessed.
    #[error("holds a secret of less than 32 bytes")]
    WeakSecret,
}

impl KeySet {
    /// Reads public keys: PEM, one or several, or a JWK set (RFC 7517 §5).
    ///
    /// # Errors
    /// Why it has none.
    pub fn public(file: &[u8]) -> Result<Self, KeysFault> {
        let is_json = file.trim_ascii_start().starts_with(b"{");
        let keys = if is_json { jwk_set(file)? } else { pem(file)? };
        if keys.len() > MOST_KEYS {
            return Err(KeysFault::TooMany);
        }
        Ok(Self { keys, digest: digest(&SHA256, file).as_ref().into() })
    }

    /// The secret that a file holds, but for the end of its line.
    ///
    /// # Errors
    /// It is too short to be one (RFC 7518 §3.2).
    pub fn secret(file: &[u8]) -> Result<Self, KeysFault> {
        let secret = file.trim_ascii_end();
        let algorithms = [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)];
        let fit = algorithms.into_iter().filter(|(_, least)| secret.len() >= *least).map(|(algorithm, _)| algorithm);
        let algorithms: Vec<_> = fit.collect();
        if algorithms.is_empty() {
            return Err(KeysFault::WeakSecret);
        }
        let key = VerifyingKey { id: None, algorithms, key: DecodingKey::from_secret(secret) };
        Ok(Self { keys: vec![key], digest: digest(&SHA256, file).as_ref().into() })
    }

    /// Whether it was read of the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether there is a key for one of these algorithms, where any are named.
    pub fn serves(&self, algorithms: &[Algorithm]) -> bool {
        algorithms.is_empty() || algorithms.iter().any(|algorithm| self.is_for(*algorithm))
    }

    /// Whether there is a key for this algorithm at all.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algorithms.contains(&algorithm))
    }

    /// Whether any of its keys has an id.
    pub(super) fn has_ids(&self) -> bool {
        self.keys.iter().any(|key| key.id.is_some())
    }

    /// Whether one that its issuer adds may have this id: these are public keys, and none of them has it.
    pub(super) fn may_gain(&self, algorithm: Algorithm, id: &str) -> bool {
        let is_of_secret = |algorithm: &Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
        let is_public = !self.keys.iter().flat_map(|key| &key.algorithms).any(is_of_secret);
        is_public && !is_of_secret(&algorithm) && self.keys.iter().all(|key| key.id.as_deref() != Some(id))
    }

    /// The keys that a token may be signed with which says so much of its own. Keys without an id are for everybody; an id is
    /// compared, and nothing else is done with it.
    pub(super) fn keys<'a>(
        &'a self,
        algorithm: Algorithm,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a VerifyingKey> {
        let is_of_id = move |key: &&VerifyingKey| match (id, &key.id) {
            (Some(id), Some(own)) => id == own,
            (None, _) | (_, None) => true,
        };
        self.keys.iter().filter(move |key| key.algorithms.contains(&algorithm)).filter(is_of_id)
    }
}

fn pem(file: &[u8]) -> Result<Vec<VerifyingKey>, KeysFault> {
    let mut keys = Vec::new();
    for key in SubjectPublicKeyInfoDer::pem_slice_iter(file).take(MOST_KEYS + 1) {
        let key = key.map_err(|_| KeysFault::NoKey)?;
        let info = SubjectPublicKeyInfoRef::from_der(&key).map_err(|_| KeysFault::NoKey)?;
        let bits = info.subject_public_key.as_bytes().ok_or(KeysFault::NoKey)?;
        let curve = info.algorithm.parameters_oid().map(|oid| oid.to_string()).unwrap_or_default();
        let (algorithms, key) = match (info.algorithm.oid.to_string().as_str(), curve.as_str()) {
            (RSA, _) if bits.len() < SHORTEST_RSA => return Err(KeysFault::WeakRsa),
            (RSA, _) => (AlgorithmFamily::Rsa.algorithms().to_vec(), DecodingKey::from_rsa_der(bits)),
            (EC, P256) => (vec![Algorithm::ES256], DecodingKey::from_ec_der(bits)),
            (EC, P384) => (vec![Algorithm::ES384], DecodingKey::from_ec_der(bits)),
            (ED25519, _) => (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(bits)),
            _ => return Err(KeysFault::UnknownKind),
        };
        keys.push(VerifyingKey { id: None, algorithms, key });
    }
    if keys.is_empty() { Err(KeysFault::NoKey) } else { Ok(keys) }
}

fn jwk_set(file: &[u8]) -> Result<Vec<VerifyingKey>, KeysFault> {
    let set: Value = serde_json::from_slice(file).map_err(|_| KeysFault::NoKey)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(KeysFault::NoKey)?;
    if keys.len() > MOST_KEYS {
        return Err(KeysFault::TooMany);
    }
    let keys: Vec<_> = keys.iter().filter_map(jwk).collect();
    if keys.is_empty() { Err(KeysFault::NoUsable) } else { Ok(keys) }
}

/// A key of a set; `None` where it is for something else, of a kind that is not known, or a secret: what anybody may read signs
/// nothing.
fn jwk(key: &Value) -> Option<VerifyingKey> {
    let text = |name| key.get(name).and_then(Value::as_str);
    let is_for_signing = text("use").is_none_or(|purpose| purpose == "sig");
    let operations = key.get("key_ops").and_then(Value::as_array);
    let verifies = operations.is_none_or(|operations| operations.iter().any(|it| it.as_str() == Some("verify")));
    if !is_for_signing || !verifies {
        return None;
    }
    let (mut algorithms, decoding) = match (text("kty")?, text("crv").unwrap_or_default()) {
        ("RSA", _) if is_weak(text("n")?) => return None,
        ("RSA", _) => {
            (AlgorithmFamily::Rsa.algorithms().to_vec(), DecodingKey::from_rsa_components(text("n")?, text("e")?))
        }
        ("EC", "P-256") => (vec![Algorithm::ES256], DecodingKey::from_ec_components(text("x")?, text("y")?)),
        ("EC", "P-384") => (vec![Algorithm::ES384], DecodingKey::from_ec_components(text("x")?, text("y")?)),
        ("OKP", "Ed25519") => (vec![Algorithm::EdDSA], DecodingKey::from_ed_components(text("x")?)),
        _ => return None,
    };
    if let Some(only) = text("alg") {
        algorithms.retain(|algorithm| format!("{algorithm:?}") == only);
    }
    (!algorithms.is_empty()).then_some(VerifyingKey {
        id: text("kid").map(Into::into),
        algorithms,
        key: decoding.ok()?,
    })
}

/// Whether a modulus has less than 2048 bits (RFC 7518 §3.3).
fn is_weak(modulus: &str) -> bool {
    let bytes = URL_SAFE_NO_PAD.decode(modulus).unwrap_or_default();
    bytes.iter().skip_while(|byte| **byte == 0).count() < 256
}

/// More than any issuer has at a time.
const MOST_KEYS: usize = 64;

/// Of the DER of a key of 2048 bits there are more bytes.
const SHORTEST_RSA: usize = 260;

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ED25519: &str = "1.3.101.112";
