//! Headers by which an endpoint learns who was let in, and those that could be taken for them.

use http::{HeaderMap, HeaderName};

use crate::grammar::remove;

/// Takes out what a client says under this name, or one that some endpoints take for the same (`x_user`).
pub fn take_out_user(headers: &mut HeaderMap, name: &HeaderName) {
    remove(headers, |it| it == name || is_alike(it.as_str(), name.as_str()));
}

/// CGI and what came after it read `x-user` and `x_user` under one name.
pub fn is_alike(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| a == b || [a, b].iter().all(|it| b"-_".contains(it)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_gone() {
        let name = HeaderName::from_static("x-user");
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-user", "root"), ("x_user", "root"), ("x-user", "too"), ("x-users", "stays")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        take_out_user(&mut headers, &name);
        let left: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(left, [("x-users", "stays")]);
    }
}
