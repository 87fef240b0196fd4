//! What stands in the place of the plain text of a refusal: pages by status, with what is known of the refusal in them.
//!
//! A page may be of any language that has braces of its own: only what is the whole name of a variable in braces is replaced, and what
//! comes of a client is quoted as the page's language needs it.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;

/// Which statuses a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorStatus {
    /// Each.
    Any,
    /// Those that begin with this digit.
    Class(u16),
    /// This one.
    One(u16),
}

/// Pages, by status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPages(Vec<(ErrorStatus, ErrorPage)>);

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    content_type: HeaderValue,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Bytes),
    Variable(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Status,
    Error,
    Message,
    RequestId,
}

/// How long a page with variables may be, in bytes: there is a copy of it for each client that is refused, until that has read it.
pub const MOST_OF_A_PAGE_WITH_VARIABLES: usize = 16 * 1024;

/// What is known of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Told<'r> {
    /// Its status.
    pub status: u16,
    /// The one word for it.
    pub error: &'r str,
    /// What was wrong, in words.
    pub message: &'r str,
    /// The name of the request, where it has one.
    pub request_id: Option<&'r str>,
}

impl ErrorStatus {
    /// Reads `"404"`, `"4xx"` or `"*"`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Any),
            "4xx" => Some(Self::Class(4)),
            "5xx" => Some(Self::Class(5)),
            _ => text.parse().ok().filter(|status| (400..600).contains(status) && text.len() == 3).map(Self::One),
        }
    }

    fn is_for(self, status: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Class(class) => status / 100 == class,
            Self::One(one) => status == one,
        }
    }
}

impl ErrorPages {
    /// These, in any order.
    pub fn new(pages: impl IntoIterator<Item = (ErrorStatus, ErrorPage)>) -> Self {
        let mut pages: Vec<_> = pages.into_iter().collect();
        pages.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
        Self(pages)
    }

    /// That of a status: of those that are for it, the one that names it most closely.
    pub fn find(&self, status: u16) -> Option<&ErrorPage> {
        self.0.iter().find(|(of, _)| of.is_for(status)).map(|(_, page)| page)
    }
}

impl ErrorPage {
    /// Reads one.
    pub fn new(content_type: HeaderValue, text: &Bytes) -> Self {
        let (mut pieces, mut rest) = (Vec::new(), text.clone());
        while let Some((at, length, variable)) = first_variable(&rest) {
            let plain = rest.split_to(at);
            pieces.extend((!plain.is_empty()).then_some(Piece::Text(plain)));
            pieces.push(Piece::Variable(variable));
            let _ = rest.split_to(length);
        }
        pieces.extend((!rest.is_empty()).then_some(Piece::Text(rest)));
        Self { content_type, pieces }
    }

    /// Of which type it is, with its parameters.
    pub fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// Of which type it is, without.
    pub fn media_type(&self) -> &str {
        self.content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// Whether each refusal has a page of its own, with what is known of it; all others share one.
    pub fn has_variables(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }

    /// The page of a refusal.
    pub fn render(&self, told: Told<'_>) -> Bytes {
        if let [Piece::Text(all)] = &*self.pieces {
            return all.clone();
        }
        let mut text = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.extend_from_slice(plain),
                Piece::Variable(variable) => text.extend_from_slice(self.quoted(&variable.value(told)).as_bytes()),
            }
        }
        text.into()
    }

    /// A text that is nothing but a text in the language of the page.
    fn quoted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let media = self.media_type().to_ascii_lowercase();
        if media.ends_with("json") || media.ends_with("javascript") {
            let json = serde_json::Value::from(text).to_string();
            return Cow::Owned(
                json.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or_default().to_owned(),
            );
        }
        if !media.ends_with("html") && !media.ends_with("xml") || !text.contains(['&', '<', '>', '"', '\'']) {
            return Cow::Borrowed(text);
        }
        let escaped = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
        Cow::Owned(escaped.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
    }
}

impl Variable {
    const ALL: [(&'static str, Self); 4] = [
        ("{status}", Self::Status),
        ("{error}", Self::Error),
        ("{message}", Self::Message),
        ("{request_id}", Self::RequestId),
    ];

    fn value<'r>(self, told: Told<'r>) -> Cow<'r, str> {
        match self {
            Self::Status => Cow::Owned(told.status.to_string()),
            Self::Error => Cow::Borrowed(told.error),
            Self::Message => Cow::Borrowed(told.message),
            Self::RequestId => Cow::Borrowed(told.request_id.unwrap_or_default()),
        }
    }
}

/// Where the first variable stands, how long its name is there, and which it is.
fn first_variable(text: &[u8]) -> Option<(usize, usize, Variable)> {
    let braces = text.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    braces.map(|(at, _)| at).find_map(|at| {
        let behind = text.get(at..)?;
        let (name, variable) = Variable::ALL.into_iter().find(|(name, _)| behind.starts_with(name.as_bytes()))?;
        Some((at, name.len(), variable))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOLD: Told<'_> = Told { status: 403, error: "no_way", message: "it's shut", request_id: Some("a<b>\"") };

    fn page(content_type: &'static str, text: &str) -> ErrorPage {
        ErrorPage::new(HeaderValue::from_static(content_type), &Bytes::from(text.to_owned()))
    }

    fn rendered(content_type: &'static str, text: &str) -> String {
        String::from_utf8(page(content_type, text).render(TOLD).to_vec()).unwrap()
    }

    #[test]
    fn variables_are_replaced_and_other_braces_stay() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{status}", "403"),
            ("{status} {error}: {message}\n", "403 no_way: it's shut\n"),
            ("p { color: red } {{status}} {unknown} {status", "p { color: red } {403} {unknown} {status"),
        ] {
            assert_eq!(rendered("text/plain", text), expected, "{text}");
        }
        let nobody = Told { request_id: None, ..TOLD };
        assert_eq!(page("text/plain", "[{request_id}]").render(nobody), "[]");
    }

    #[test]
    fn what_a_client_may_have_said_is_quoted_in_the_language_of_the_page() {
        for (content_type, expected) in [
            ("text/plain", "a<b>\""),
            ("text/html; charset=utf-8", "a&lt;b&gt;&quot;"),
            ("application/xhtml+xml", "a&lt;b&gt;&quot;"),
            ("application/problem+json", "a<b>\\\""),
        ] {
            assert_eq!(rendered(content_type, "{request_id}"), expected, "{content_type}");
        }
        assert_eq!(rendered("Text/HTML", "{message}"), "it&#39;s shut");
    }

    #[test]
    fn the_closest_page_is_taken() {
        let of = |status: &str| (ErrorStatus::parse(status).unwrap(), page("text/plain", status));
        let pages = ErrorPages::new(["*", "503", "4xx", "404"].map(of));
        for (status, expected) in [(404, "404"), (403, "4xx"), (503, "503"), (500, "*")] {
            assert_eq!(pages.find(status), Some(&page("text/plain", expected)), "{status}");
        }
        assert_eq!(ErrorPages::new([of("5xx")]).find(404), None);
    }

    #[test]
    fn only_errors_have_a_page() {
        for text in ["", "200", "399", "600", "3xx", "40", "4040", "+40", "0404", "4XX", "**"] {
            assert_eq!(ErrorStatus::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_page_without_variables_stays_as_it_is(text in "[a-z{}<>]{0,30}") {
            prop_assume!(!Variable::ALL.iter().any(|(name, _)| text.contains(name)));
            prop_assert_eq!(rendered("text/html", &text), text);
        }
    }
}
