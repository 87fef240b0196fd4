//! Tokens (RFC 9110 §5.6.2).

/// Whether this is a token: the name of a field, of a protocol, of an extension.
pub fn is_token(text: impl AsRef<[u8]>) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let bytes = text.as_ref();
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_what_is_not_visible_ascii_are_in_no_token() {
        let tokens = (0..=u8::MAX).filter(|byte| is_token([*byte])).count();
        assert_eq!(tokens, 10 + 2 * 26 + 15);
        for text in ["", " ", "a b", "a,b", "a;b", "a=b", "a/b", "\"a\"", "a\t", "ä"] {
            assert!(!is_token(text), "{text:?}");
        }
        assert!(is_token("x-webkit-deflate-frame") && is_token(b"SPDY"));
    }
}
