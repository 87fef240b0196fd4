//! One request to a collector.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use super::verdict::Verdict;
use crate::authorize::{AuthClient, AuthFailure, Bounds};
use crate::endpoint::{Pool, Upload};
use crate::net::Network;
use crate::process::unix_time;
use crate::snapshot::Collector;

/// Who asks collectors.
#[derive(Clone, Debug)]
pub(super) struct Courier {
    pub(super) network: Network,
    pub(super) pool: Arc<Pool>,
}

impl Courier {
    /// Sends this body to a collector, and says what it has answered.
    ///
    /// A request that is lost with its connection is sent again, once: a collector that had it all the same has its spans twice.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn deliver(
        &self,
        collector: &Collector,
        body: &Bytes,
    ) -> Result<(StatusCode, Verdict), AuthFailure> {
        let client = AuthClient { network: &self.network, pool: &self.pool };
        let bounds = Bounds { timeout: TIMEOUT, longest_body: LONGEST_ANSWER };
        let answer = match client.request(&collector.server, bounds, || request(collector, body)).await {
            // The status says it all: what was taken is not sent again because nobody could read what was said of it.
            Err(AuthFailure::Half { status, .. }) => {
                return Ok((status, Verdict::of(status, &HeaderMap::new(), b"", unix_time())));
            }
            answered => answered?,
        };
        let (head, read) = (answer.head, answer.body.unwrap_or_default());
        Ok((head.status, Verdict::of(head.status, &head.headers, &read, unix_time())))
    }
}

fn request(collector: &Collector, body: &Bytes) -> Request<Upload> {
    let mut request = Request::new(Upload::of_bytes(body.clone()));
    *request.method_mut() = Method::POST;
    let endpoint = &collector.settings.endpoint;
    // `config` has read both.
    *request.uri_mut() = endpoint.path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(&endpoint.host) {
        headers.insert(HOST, host);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, body.len().into());
    headers.insert(USER_AGENT, AGENT);
    for (name, value) in &collector.headers {
        headers.insert(name, value.clone());
    }
    request
}

/// How long an attempt may take, from the connect to the last byte of the answer: what OpenTelemetry says.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is read of an answer, in bytes: how many spans were refused, and why.
const LONGEST_ANSWER: usize = 64 * 1024;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass-traces/", env!("CARGO_PKG_VERSION")));
