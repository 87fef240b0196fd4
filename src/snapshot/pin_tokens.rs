//! Which endpoint of an upstream a pin token stands for.

use std::collections::HashMap;
use std::sync::Arc;

use super::in_order::in_order;
use crate::balance::{PinSecrets, PinToken};
use crate::config::{EndpointSettings, UpstreamSettings};

/// The tokens of an upstream's endpoints; none where it sets no cookie.
#[derive(Debug, Default)]
pub(super) struct PinTokens {
    /// Of each endpoint, in their order, one for each secret, or the one that needs none: the first is what cookies get.
    tokens: Vec<PinToken>,
    /// The index of the endpoint of each that is read.
    indices: HashMap<PinToken, usize>,
    /// What tells these secrets from others: no endpoint has the empty name. As many as each endpoint has.
    of_nobody: Vec<PinToken>,
    secrets: Option<Arc<PinSecrets>>,
}

impl PinTokens {
    /// Those of an upstream; made with `secrets`, where it has some, and read only if they were. Making one takes a microsecond: what
    /// `previous` has of the same name, made with the same secrets, is taken over.
    pub(super) fn new(
        settings: &UpstreamSettings,
        secrets: Option<Arc<PinSecrets>>,
        previous: Option<(&Self, &[EndpointSettings])>,
    ) -> Self {
        if settings.pin_cookie.is_none() {
            return Self::default();
        }
        let upstream = settings.name.as_str();
        let make = |endpoint: &str| -> Vec<PinToken> {
            match &secrets {
                None => vec![PinToken::of(upstream, endpoint)],
                Some(secrets) => secrets.all().map(|secret| PinToken::signed(secret, upstream, endpoint)).collect(),
            }
        };
        let of_nobody = make("");
        let previous = previous.filter(|(tokens, _)| tokens.of_nobody == of_nobody);
        let mut find = in_order(previous.map_or(&[], |(_, endpoints)| endpoints), |endpoint| &endpoint.name);
        let mut made_before = |endpoint: &EndpointSettings| previous?.0.all_of(find(&endpoint.name)?);
        let (mut tokens, mut indices) = (Vec::new(), HashMap::with_capacity(settings.endpoints.len()));
        for (index, endpoint) in settings.endpoints.iter().enumerate() {
            let from = tokens.len();
            match made_before(endpoint) {
                Some(made) => tokens.extend_from_slice(made),
                None => tokens.extend(make(endpoint.name.as_str())),
            }
            indices.extend(tokens.iter().skip(from).map(|token| (*token, index)));
        }
        Self { tokens, indices, of_nobody, secrets }
    }

    /// Those of the same upstream with other endpoints, made with the same secrets.
    pub(super) fn of_endpoints(&self, settings: &UpstreamSettings, before: &[EndpointSettings]) -> Self {
        Self::new(settings, self.secrets.clone(), Some((self, before)))
    }

    /// The token for the cookies of the endpoint at `index`.
    pub(super) fn of(&self, index: usize) -> Option<PinToken> {
        self.all_of(index)?.first().copied()
    }

    fn all_of(&self, index: usize) -> Option<&[PinToken]> {
        let each = self.of_nobody.len();
        self.tokens.get(index * each..(index + 1) * each)
    }

    /// The index of the endpoint that a token stands for.
    pub(super) fn index_of(&self, token: PinToken) -> Option<usize> {
        self.indices.get(&token).copied()
    }

    /// Whether the others were made with the same secrets.
    pub(super) fn have_same_secrets(&self, other: &Self) -> bool {
        self.of_nobody == other.of_nobody
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    const OLD: &str = "an old secret of ours";
    const NEW: &str = "a new secret of ours";

    fn settings(endpoints: &str) -> UpstreamSettings {
        let text = format!(
            "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"chat\"\n[upstream.chat]\nendpoints = [{endpoints}]\n\
             pin_cookie = \"pin\"\n"
        );
        let settings = parse(&text, Path::new("test.toml")).unwrap();
        UpstreamSettings::clone(&settings.upstreams["chat"])
    }

    fn tokens(endpoints: &str, secrets: &[&str]) -> PinTokens {
        let secrets = PinSecrets::parse(secrets.join("\n").as_bytes()).ok().map(Arc::new);
        PinTokens::new(&settings(endpoints), secrets, None)
    }

    #[test]
    fn every_proxy_of_a_fleet_reads_what_another_has_written() {
        let (one, other) = (tokens("\"a:1\", \"b:1\"", &[NEW]), tokens("\"b:1\", \"c:1\", \"a:1\"", &[NEW]));
        let b = one.of(1).unwrap();
        assert_eq!(one.index_of(b), Some(1));
        // In the order of their names, as settings have them.
        assert_eq!(other.index_of(b), Some(1));
        assert_eq!(tokens("\"a:1\", \"c:1\"", &[NEW]).index_of(b), None);
    }

    #[test]
    fn a_new_secret_reads_what_the_older_ones_have_written_and_writes_its_own() {
        let endpoints = "\"a:1\", \"b:1\"";
        let (before, between, after) =
            (tokens(endpoints, &[OLD]), tokens(endpoints, &[NEW, OLD]), tokens(endpoints, &[NEW]));
        for index in 0..2 {
            let (old, new) = (before.of(index).unwrap(), after.of(index).unwrap());
            assert_eq!((between.index_of(old), between.index_of(new)), (Some(index), Some(index)));
            assert_eq!(between.of(index), Some(new));
            assert_eq!((before.index_of(new), after.index_of(old)), (None, None));
        }
    }

    #[test]
    fn with_a_secret_nothing_counts_that_anybody_could_make() {
        let named = PinToken::of("chat", "a:1");
        assert_eq!(tokens("\"a:1\"", &[]).index_of(named), Some(0));
        assert_eq!(tokens("\"a:1\"", &[NEW]).index_of(named), None);
    }

    #[test]
    fn secrets_are_told_apart_whatever_the_endpoints_are() {
        let of = |endpoints, secrets: &[&str]| tokens(endpoints, secrets);
        assert!(of("\"a:1\"", &[NEW]).have_same_secrets(&of("\"b:1\"", &[NEW])));
        for other in [&[][..], &[OLD], &[NEW, OLD], &[OLD, NEW]] {
            assert!(!of("\"a:1\"", &[NEW]).have_same_secrets(&of("\"a:1\"", other)), "{other:?}");
        }
    }

    #[test]
    fn whatever_was_made_before_is_what_would_be_made() {
        for secrets in [&[][..], &[NEW], &[NEW, OLD]] {
            let before = settings("\"a:1\", \"b:1\", \"c:1\"");
            let now = settings("\"a:1\", \"bb:1\", \"c:1\", \"d:1\"");
            let of = |settings: &UpstreamSettings, secrets: &[&str]| {
                PinTokens::new(settings, PinSecrets::parse(secrets.join("\n").as_bytes()).ok().map(Arc::new), None)
            };
            let carried_over = of(&before, secrets).of_endpoints(&now, &before.endpoints);
            let anew = of(&now, secrets);
            assert_eq!((&carried_over.tokens, &carried_over.indices), (&anew.tokens, &anew.indices));
            let read_anew = PinTokens::new(
                &now,
                PinSecrets::parse(secrets.join("\n").as_bytes()).ok().map(Arc::new),
                Some((&of(&before, &[OLD]), &before.endpoints)),
            );
            assert_eq!(read_anew.tokens, anew.tokens, "made with other secrets, nothing is taken over");
        }
    }

    #[test]
    fn without_a_cookie_there_are_no_tokens() {
        let settings = UpstreamSettings { pin_cookie: None, ..settings("\"a:1\"") };
        let tokens = PinTokens::new(&settings, None, None);
        assert_eq!((tokens.of(0), tokens.index_of(PinToken::of("chat", "a:1"))), (None, None));
    }
}
