//! One fetch of keys.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};

use super::failure::{FetchFailure, LONGEST_SET};
use crate::access::KeySet;
use crate::authorize::{AuthClient, Bounds};
use crate::endpoint::{Pool, Upload};
use crate::net::Network;
use crate::snapshot::KeySource;

/// Who fetches.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    pub(super) network: Network,
    pub(super) pool: Arc<Pool>,
}

impl Fetcher {
    /// The keys that the source has now.
    ///
    /// # Errors
    /// Why it has none.
    pub(super) async fn fetch(&self, source: &KeySource) -> Result<KeySet, FetchFailure> {
        let client = AuthClient { network: &self.network, pool: &self.pool };
        let bounds = Bounds { timeout: TIMEOUT, longest_body: LONGEST_SET };
        let answer = client.request(&source.server, bounds, || request(source)).await?;
        if answer.head.status != StatusCode::OK {
            return Err(FetchFailure::Status(answer.head.status));
        }
        Ok(KeySet::public(&answer.body.ok_or(FetchFailure::TooLong)?)?)
    }
}

fn request(source: &KeySource) -> Request<Upload> {
    let mut request = Request::new(Upload::none());
    // `config` has read both.
    *request.uri_mut() = source.url.path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(&source.url.host) {
        headers.insert(HOST, host);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9, */*;q=0.1"));
    headers.insert(USER_AGENT, AGENT);
    request
}

/// How long a fetch may take, from the connect to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

const AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass-keys/", env!("CARGO_PKG_VERSION")));
