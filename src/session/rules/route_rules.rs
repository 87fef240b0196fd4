//! What the rules of a route make of one request: which path its endpoint reads, and what is changed of heads.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri};

use super::route_changes::RouteChanges;
use crate::config::{DotSegments, has_dot_segments};
use crate::http::Refusal;
use crate::http::unclean::Unclean;
use crate::rules::{HeaderChanges, PathChange, TidiedPath, Variable};
use crate::session::request_context::RequestContext;

impl RequestContext {
    /// What its route changes, by the head of the request as the client sent it; `None` where that is nothing.
    pub(in crate::session) fn route_changes(&self, parts: &Parts) -> Option<Box<RouteChanges>> {
        let rules = &self.route.settings.rules;
        let changes_path = matches!(rules.path_change, Some(PathChange::Prefix(_)));
        if !changes_path && rules.request_headers.is_empty() && rules.response_headers.is_empty() {
            return None;
        }
        let value = |variable: &Variable| self.value(parts, variable);
        let render = |changes: &HeaderChanges| (!changes.is_empty()).then(|| changes.render(&value));
        let taken_off = changes_path.then(|| HeaderValue::from_str(&self.route.settings.path).ok()).flatten();
        Some(Box::new(RouteChanges {
            request: render(&rules.request_headers),
            response: render(&rules.response_headers),
            taken_off,
        }))
    }

    /// Has the endpoint read the path that the route says. What the route's own `path` was held against was the path as it was sent.
    pub(in crate::session) fn change_path(&self, uri: &mut Uri) -> Result<(), Refusal> {
        let settings = &self.route.settings;
        let (Some(change), Some(target)) = (&settings.rules.path_change, uri.path_and_query()) else { return Ok(()) };
        let changed = change.apply(&settings.path, target).map_err(|_| Refusal::BadRewrite)?;
        // What a part of a path was taken for before may be another thing in its new place.
        let has_dots = |path| has_dot_segments(path) || TidiedPath::of(path).has_dot_segments();
        if settings.dot_segments == DotSegments::Refuse && has_dots(changed.path()) {
            return Err(Refusal::Unclean(Unclean::DotSegments));
        }
        *uri = with_target(uri.clone(), changed);
        Ok(())
    }

    /// Changes the head that the client reads.
    pub(in crate::session) fn change_response(&self, headers: &mut HeaderMap) {
        self.take_out_names(headers);
        if let Some(changes) = &self.changes {
            changes.change_response(headers);
        }
    }

    /// What a variable is for this request.
    fn value<'v>(&'v self, parts: &'v Parts, variable: &Variable) -> Option<Cow<'v, [u8]>> {
        let text = |text: &'v str| Some(Cow::Borrowed(text.as_bytes()));
        match variable {
            Variable::ClientIp => Some(Cow::Owned(address(self.client).into_bytes())),
            Variable::RequestId => self.summary.request_name().and_then(text),
            Variable::Route => text(self.route.settings.name.as_str()),
            Variable::Host => parts.headers.get(HOST).map(|host| Cow::Borrowed(host.as_bytes())),
            Variable::Scheme => text(self.arrival.scheme.as_str()),
            Variable::Method => text(parts.method.as_str()),
            Variable::Path => text(parts.uri.path()),
            Variable::Sni => self.session.server_name.as_deref().and_then(text),
            Variable::Claim(name) => Some(match self.permission.as_ref()?.claim(name)? {
                Cow::Borrowed(claim) => Cow::Borrowed(claim.as_bytes()),
                Cow::Owned(claim) => Cow::Owned(claim.into_bytes()),
            }),
            Variable::Header(name) => parts.headers.get(name).map(|value| Cow::Borrowed(value.as_bytes())),
        }
    }
}

fn address(client: IpAddr) -> String {
    client.to_canonical().to_string()
}

fn with_target(uri: Uri, target: PathAndQuery) -> Uri {
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(target.clone());
    // A target alone is always one.
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(target))
}
