//! What is changed of a head: headers that are taken out, set, and added, in this order.

use std::borrow::Cow;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::template::{Template, Variable};
use crate::grammar::remove;

/// `request_headers` or `response_headers` of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// All lines of these are taken out.
    pub remove: Vec<HeaderName>,
    /// These have this one line, whatever they had.
    pub set: Vec<(HeaderName, Template)>,
    /// These have this line behind those that they have.
    pub add: Vec<(HeaderName, Template)>,
}

/// The same for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedChanges {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderChanges {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// The changes for the request of which `value` knows what variables are.
    pub fn render<'v>(&self, value: &impl Fn(&Variable) -> Option<Cow<'v, [u8]>>) -> RenderedChanges {
        let render = |lines: &[(HeaderName, Template)]| {
            lines.iter().filter_map(|(name, template)| Some((name.clone(), template.render(value)?))).collect()
        };
        RenderedChanges { remove: self.remove.clone(), set: render(&self.set), add: render(&self.add) }
    }

    /// The headers that say something of a client's token.
    pub fn of_claims(&self) -> impl Iterator<Item = &HeaderName> {
        let says_claim = |template: &Template| template.variables().any(|it| matches!(it, Variable::Claim(_)));
        self.set.iter().chain(&self.add).filter(move |(_, template)| says_claim(template)).map(|(name, _)| name)
    }

    /// The variables of its texts.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.set.iter().chain(&self.add).flat_map(|(_, template)| template.variables())
    }
}

impl RenderedChanges {
    /// Changes a head. Lines that stay keep their order; one that is set stands where the first of its name stood.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if !self.remove.is_empty() {
            remove(headers, |name| self.remove.contains(name));
        }
        // A map of headers can be full: what has no room is left out.
        for (name, value) in &self.set {
            let _ = headers.try_insert(name, value.clone());
        }
        for (name, value) in &self.add {
            let _ = headers.try_append(name, value.clone());
        }
    }
}

/// Whether a field is not for operators to change: it frames the message, or is about this one connection, or is a part of the
/// WebSocket handshake. (`Host` is the `host` of an upstream.)
pub fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name) || name.as_str().starts_with("sec-websocket-")
}

const RESERVED: [HeaderName; 11] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("windlass-hops"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    fn line(name_of: &'static str, text: &str) -> (HeaderName, Template) {
        (name(name_of), Template::parse(text).unwrap())
    }

    #[test]
    fn what_is_taken_out_can_be_set_anew_and_added_to() {
        let mut headers: HeaderMap = [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")]
            .map(|(at, it)| (name(at), it.parse().unwrap()))
            .into_iter()
            .collect();
        let changes = HeaderChanges {
            remove: vec![name("c"), name("a")],
            set: vec![line("a", "<{route}>"), line("b", "new")],
            add: vec![line("a", "more"), line("d", "{request_id}")],
        };
        let value = |variable: &Variable| (*variable == Variable::Route).then_some(Cow::Borrowed(&b"chat"[..]));
        changes.render(&value).apply(&mut headers);
        let lines = |of| headers.get_all(of).iter().map(|it| it.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(
            (lines("a"), lines("b"), lines("c"), lines("d")),
            (vec!["<chat>", "more"], vec!["new"], vec![], vec![""])
        );
    }

    #[test]
    fn what_frames_a_message_or_makes_a_handshake_is_reserved() {
        for reserved in
            ["connection", "content-length", "sec-websocket-accept", "sec-websocket-anything", "host", "upgrade"]
        {
            assert!(is_reserved(&name(reserved)), "{reserved}");
        }
        for free in ["x-user", "authorization", "x-forwarded-for", "set-cookie", "location", "sec-fetch-site"] {
            assert!(!is_reserved(&name(free)), "{free}");
        }
    }
}
