//! What a refusal says to who was refused: the operator's page, JSON for who would rather read that, or a line of text.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use super::refusal::Refusal;
use crate::grammar::would_rather;
use crate::rules::{ErrorPage, Told};

/// What a client says that it would rather read; kept from its request, whose head goes elsewhere.
#[derive(Debug, Default)]
pub struct Accept {
    line: Option<HeaderValue>,
    more: Vec<HeaderValue>,
}

impl Accept {
    /// That of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(ACCEPT).iter().cloned();
        Self { line: lines.next(), more: lines.collect() }
    }

    fn rather_json_than(&self, instead: &str) -> bool {
        would_rather(self.line.iter().chain(&self.more).map(HeaderValue::as_bytes), JSON, instead)
    }
}

/// What a refusal says to who was refused.
#[derive(Clone, Debug)]
pub struct RefusalText {
    /// Of which type the text is.
    pub content_type: HeaderValue,
    /// The text.
    pub text: Bytes,
    /// Another client may read another text at the same place.
    pub is_negotiated: bool,
}

impl RefusalText {
    /// A line of text.
    pub fn plain(refusal: Refusal) -> Self {
        let text = Bytes::from(format!("{} {refusal}\n", refusal.status().as_str()));
        Self { content_type: TEXT, text, is_negotiated: true }
    }

    /// What who says `accept` reads; `page` is what stands in the place of the line of text.
    pub fn of(refusal: Refusal, request_id: Option<&str>, page: Option<&ErrorPage>, accept: &Accept) -> Self {
        let instead = page.map_or("text/plain", ErrorPage::media_type);
        let is_negotiated = instead != JSON;
        let wants_json = is_negotiated && accept.rather_json_than(instead);
        if page.is_none() && !wants_json {
            return Self::plain(refusal);
        }
        let message = refusal.to_string();
        let told = Told { status: refusal.status().as_u16(), error: refusal.log_word(), message: &message, request_id };
        match page.filter(|_| !wants_json) {
            Some(page) => Self { content_type: page.content_type().clone(), text: page.render(told), is_negotiated },
            None => Self { content_type: HeaderValue::from_static(JSON), text: json(told), is_negotiated },
        }
    }
}

/// As a program reads it.
#[derive(Serialize)]
struct Object<'r> {
    status: u16,
    error: &'r str,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'r str>,
}

fn json(told: Told<'_>) -> Bytes {
    let Told { status, error, message, request_id } = told;
    let mut text = serde_json::to_vec(&Object { status, error, message, request_id }).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

const JSON: &str = "application/json";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(accept: Option<&'static str>, page: Option<&ErrorPage>) -> (String, String, bool) {
        let headers = accept.map(|line| (ACCEPT, HeaderValue::from_static(line))).into_iter().collect();
        let text = RefusalText::of(Refusal::ForeignOrigin, Some("r1"), page, &Accept::of(&headers));
        let body = String::from_utf8(text.text.to_vec()).unwrap();
        (text.content_type.to_str().unwrap().to_owned(), body, text.is_negotiated)
    }

    const LINE: &str = "403 pages of this origin may not connect here\n";
    const OBJECT: &str = "{\"status\":403,\"error\":\"foreign_origin\",\"message\":\"pages of this origin may not connect here\",\"request_id\":\"r1\"}\n";

    #[test]
    fn who_would_rather_read_json_does() {
        assert_eq!(read(None, None), ("text/plain; charset=utf-8".into(), LINE.into(), true));
        assert_eq!(read(Some("*/*"), None).1, LINE);
        assert_eq!(read(Some("application/json"), None), (JSON.into(), OBJECT.into(), true));
    }

    #[test]
    fn a_page_takes_the_place_of_the_line() {
        let html = ErrorPage::new(HeaderValue::from_static("text/html"), &Bytes::from_static(b"<p>{error}"));
        assert_eq!(read(None, Some(&html)), ("text/html".into(), "<p>foreign_origin".into(), true));
        assert_eq!(read(Some("text/html, application/json"), Some(&html)).1, "<p>foreign_origin");
        assert_eq!(read(Some("application/json, text/html"), Some(&html)).1, OBJECT);
        let own = ErrorPage::new(HeaderValue::from_static("application/json"), &Bytes::from_static(b"{}"));
        assert_eq!(read(Some("application/json"), Some(&own)), (JSON.into(), "{}".into(), false));
        assert_eq!(read(Some("text/plain"), Some(&own)).1, "{}");
    }
}
