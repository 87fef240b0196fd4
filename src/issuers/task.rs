//! The task that keeps the keys of a route fresh.

use std::sync::Arc;

use super::fetch::Fetcher;
use crate::access::SourceNews;
use crate::config::RouteName;
use crate::snapshot::KeySource;

/// Fetches what is due, until it is ended.
pub(super) async fn run(route: RouteName, source: Arc<KeySource>, fetcher: Fetcher) {
    let mut told: Option<String> = None;
    loop {
        source.due().await;
        source.begin();
        // Without its query: there may be a secret in it.
        let url = source.url.without_query();
        match fetcher.fetch(&source).await {
            Ok(keys) => {
                told = None;
                if source.note(Some(keys)) == Some(SourceNews::Works) {
                    tracing::info!(%route, %url, "keys of tokens are fetched again");
                }
            }
            Err(failure) => {
                source.note(None);
                // Once, and again where it is another one: what keeps the first fetch from its server may hide what is wrong there.
                let failure = failure.to_string();
                if told.as_ref() != Some(&failure) {
                    let meanwhile = if source.has_keys() {
                        "tokens are verified by those that were fetched last"
                    } else {
                        "nobody with a token is let in"
                    };
                    tracing::warn!(%route, %url, failure, meanwhile, "keys of tokens cannot be fetched");
                    told = Some(failure);
                } else {
                    tracing::debug!(%route, %url, failure, "keys of tokens cannot be fetched still");
                }
            }
        }
    }
}
