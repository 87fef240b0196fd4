//! One order, from nothing to a certificate and its key (RFC 8555 §7.4).

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeHandle, ChallengeType, Error, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use zeroize::Zeroizing;

use super::answers::{HttpAnswerGuard, HttpAnswers};
use super::challenge_certificate::challenge_certificate;
use super::failure::{Failure, is_of_kind, words};
use super::shown::{ProofGuard, Shown};
use crate::config::AcmeChallenge;

/// Where a directory that asks finds its answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Over plain HTTP.
    pub http: Arc<HttpAnswers>,
    /// In handshakes.
    pub shown: Arc<Shown>,
}

/// Something is answered as long as this lives.
#[derive(Debug)]
enum AnswerGuard {
    Http { _guard: HttpAnswerGuard },
    Tls { _guard: ProofGuard },
}

/// Begins an order, in place of the certificate that `replaces` says, if one does. A directory that does not take it so may take it
/// by itself.
pub(super) async fn new_order(
    account: &Account,
    name: &str,
    replaces: Option<CertificateIdentifier<'static>>,
) -> Result<Order, Error> {
    let names = [Identifier::Dns(name.to_owned())];
    if let Some(replaces) = replaces {
        match account.new_order(&NewOrder::new(&names).replaces(replaces)).await {
            Err(error) if is_about_the_other(&error) => {
                tracing::debug!(name, %error, "the directory takes no order in place of another certificate");
            }
            begun => return begun,
        }
    }
    account.new_order(&NewOrder::new(&names)).await
}

/// Whether an order is refused for the sake of the certificate that it is to replace (RFC 9773 §5). Directories that do not know of
/// that pass it over, which is an error of another kind. What else fails is no reason to ask twice.
fn is_about_the_other(error: &Error) -> bool {
    match error {
        Error::Api(_) => ["alreadyReplaced", "malformed", "conflict"].iter().any(|kind| is_of_kind(error, kind)),
        Error::Other(error) => error.to_string().contains(PASSED_OVER),
        error => matches!(error, Error::Unsupported(_)),
    }
}

/// Sees an order for `name` through; its key and its chain, in PEM.
pub(super) async fn finish(
    mut order: Order,
    name: &str,
    challenge: AcmeChallenge,
    answers: &Answers,
) -> Result<Zeroizing<String>, Failure> {
    let _answers = prove(&mut order, name, challenge, answers).await?;
    let refused = match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Invalid) => {
            Some(Failure::new("the directory does not find that the name is ours, and does not say why"))
        }
        Ok(_) => None,
        Err(error) => Some(Failure::of("the directory did not find that the name is ours", &error)),
    };
    if let Some(refused) = refused {
        return Err(why_invalid(&mut order, name).await.unwrap_or(refused));
    }
    let key = KeyPair::generate().map_err(|error| Failure::new(format!("no key can be made: {error}")))?;
    let request = request(name, &key).map_err(|error| Failure::new(format!("no request can be made: {error}")))?;
    order.finalize_csr(&request).await.map_err(|error| Failure::of("the order was refused", &error))?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(|error| Failure::of("no certificate", &error))?;
    let key = Zeroizing::new(key.serialize_pem());
    // Whole before it is filled: a buffer that grows leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(key.len() + chain.len()));
    text.push_str(&key);
    text.push_str(&chain);
    Ok(text)
}

/// Has the directory look whether the name is ours, unless it knows already.
async fn prove(
    order: &mut Order,
    name: &str,
    challenge: AcmeChallenge,
    answers: &Answers,
) -> Result<Vec<AnswerGuard>, Failure> {
    let failure = |error: Error| Failure::of("no challenge", &error);
    let mut guards = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failure)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => return Err(Failure::new(format!("the authorization is {status:?}"))),
        }
        let mut asked = authorization.challenge(kind(challenge)).ok_or_else(|| {
            Failure::new("the directory does not look in the way that `challenge` says: write the other one")
        })?;
        guards.push(answer(&asked, name, challenge, answers)?);
        asked.set_ready().await.map_err(failure)?;
    }
    Ok(guards)
}

/// Has an answer ready for what is asked.
fn answer(
    asked: &ChallengeHandle<'_>,
    name: &str,
    challenge: AcmeChallenge,
    answers: &Answers,
) -> Result<AnswerGuard, Failure> {
    let authorization = asked.key_authorization();
    Ok(match challenge {
        AcmeChallenge::Http01 => {
            AnswerGuard::Http { _guard: answers.http.begin(name, &asked.token, authorization.as_str()) }
        }
        AcmeChallenge::TlsAlpn01 => {
            let proof = challenge_certificate(name, authorization.digest().as_ref())?;
            AnswerGuard::Tls { _guard: answers.shown.begin_proof(name, &proof) }
        }
    })
}

/// Why the directory does not believe that the name is ours, if it says so.
async fn why_invalid(order: &mut Order, name: &str) -> Option<Failure> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Some(Failure::new(format!("the directory does not find that {name} is ours: {}", words(problem))));
        }
    }
    None
}

/// The request to be signed (RFC 2986), for the one name.
fn request(name: &str, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(key)?.der().to_vec())
}

fn kind(challenge: AcmeChallenge) -> ChallengeType {
    match challenge {
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        AcmeChallenge::Http01 => ChallengeType::Http01,
    }
}

/// What instant-acme says of an order that does not repeat what it replaces.
const PASSED_OVER: &str = "replaces field mismatch";

/// How long a directory may take to look, or to sign, and how often it is asked meanwhile.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_secs(120));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_placed_twice_for_the_sake_of_the_other_certificate_alone() {
        let api = |kind: &str| {
            let problem = format!(r#"{{"type": "urn:ietf:params:acme:error:{kind}", "detail": "no", "status": 400}}"#);
            Error::Api(serde_json::from_str(&problem).unwrap())
        };
        let about = ["alreadyReplaced", "malformed", "conflict"].map(api);
        assert!(about.iter().all(is_about_the_other));
        assert!(is_about_the_other(&Error::Other("replaces field mismatch: expected None, found None".into())));
        assert!(!is_about_the_other(&api("rateLimited")));
        assert!(!is_about_the_other(&Error::Other("the answer was 502 Bad Gateway".into())));
    }
}
