//! What a route changes of one request, and of its answer: known when the request's head is, written where heads are.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::forward::remove;
use crate::rules::RenderedChanges;

/// What a route changes of one request, and of its answer. Boxed, and there only where it changes anything.
#[derive(Debug, Default)]
pub(in crate::session) struct RouteChanges {
    pub(in crate::session) request: Option<RenderedChanges>,
    pub(in crate::session) response: Option<RenderedChanges>,
    /// What of the path the endpoint does not see.
    pub(in crate::session) taken_off: Option<HeaderValue>,
}

impl RouteChanges {
    /// Changes the head that the endpoint reads: the last word is the operator's.
    pub(in crate::session) fn change_request(&self, headers: &mut HeaderMap) {
        if let Some(taken_off) = &self.taken_off {
            write_prefix(headers, taken_off);
        }
        if let Some(request) = &self.request {
            request.apply(headers);
        }
    }

    /// Changes the head that the client reads.
    pub(in crate::session) fn change_response(&self, headers: &mut HeaderMap) {
        if let Some(response) = &self.response {
            response.apply(headers);
        }
    }
}

/// Says what the endpoint does not see of the path, behind what a trusted proxy has taken off before.
fn write_prefix(headers: &mut HeaderMap, taken_off: &HeaderValue) {
    let before = headers.get(&X_FORWARDED_PREFIX).filter(|before| before.as_bytes().starts_with(b"/")).cloned();
    let all = match before {
        Some(before) => {
            let before = before.as_bytes();
            HeaderValue::from_bytes(&[before.strip_suffix(b"/").unwrap_or(before), taken_off.as_bytes()].concat()).ok()
        }
        None => Some(taken_off.clone()),
    };
    remove(headers, |name| *name == X_FORWARDED_PREFIX);
    if let Some(all) = all {
        let _ = headers.try_insert(X_FORWARDED_PREFIX, all);
    }
}

const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
