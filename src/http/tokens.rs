//! Header fields that are comma-separated lists (RFC 9110 §5.6.1), over one line or several.

use http::{HeaderMap, HeaderName};

/// The elements of every line of the field `name`, in order, trimmed, the empty ones left out.
pub fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// Whether the field `name` lists `token`, in any case.
pub fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::header::CONNECTION;

    use super::*;

    #[test]
    fn lists_go_on_over_lines() {
        let mut headers = HeaderMap::new();
        for line in ["keep-alive,\tUPGRADE ", "", ", ,", "close"] {
            headers.append(CONNECTION, line.parse().unwrap());
        }
        let found: Vec<_> = tokens(&headers, &CONNECTION).collect();
        assert_eq!(found, [&b"keep-alive"[..], b"UPGRADE", b"close"]);
        assert!(has_token(&headers, &CONNECTION, "upgrade"));
        assert!(!has_token(&headers, &CONNECTION, "up"));
    }
}
