//! What a cookie may be called (RFC 6265 §4.1.1).

use std::fmt;

use super::token::is_token;

/// The name of a cookie: a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(Box<str>);

impl CookieName {
    /// The name that `text` is; `None` if it can name no cookie.
    pub fn parse(text: &str) -> Option<Self> {
        is_token(text).then(|| Self(text.into()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_token_names_no_cookie() {
        for text in ["", "a b", "a;b", "a=b", "a\n", "ä"] {
            assert_eq!(CookieName::parse(text), None, "{text}");
        }
        assert_eq!(CookieName::parse("__Host-pin").unwrap().as_str(), "__Host-pin");
    }
}
