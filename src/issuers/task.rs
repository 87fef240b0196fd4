//! The task that keeps the keys of a route fresh.

use std::sync::Arc;

use super::fetch::Fetcher;
use crate::access::SourceNews;
use crate::config::RouteName;
use crate::snapshot::KeySource;

/// Fetches what is due, until it is ended.
pub(super) async fn run(route: RouteName, source: Arc<KeySource>, fetcher: Fetcher) {
    loop {
        source.due().await;
        source.begin();
        let url = &source.url;
        match fetcher.fetch(&source).await {
            Ok(keys) => {
                if source.note(Some(keys)) == Some(SourceNews::Works) {
                    tracing::info!(%route, %url, "keys of tokens are fetched again");
                }
            }
            Err(failure) => {
                if source.note(None) == Some(SourceNews::Failing) {
                    let meanwhile = if source.has_keys() {
                        "tokens are verified by those that were fetched last"
                    } else {
                        "nobody with a token is let in"
                    };
                    tracing::warn!(%route, %url, %failure, meanwhile, "keys of tokens cannot be fetched");
                } else {
                    tracing::debug!(%route, %url, %failure, "keys of tokens cannot be fetched still");
                }
            }
        }
    }
}
