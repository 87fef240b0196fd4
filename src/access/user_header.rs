//! The header by which an endpoint learns who was let in.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::grammar::remove;

/// Takes out what a client says under this name, or one that some endpoints take for the same (`x_user`).
pub fn take_out_user(headers: &mut HeaderMap, name: &HeaderName) {
    remove(headers, |it| it == name || is_alike(it.as_str(), name.as_str()));
}

/// Says who was let in, and nobody else.
pub fn write_user(headers: &mut HeaderMap, name: &HeaderName, user: &str) {
    take_out_user(headers, name);
    if let Ok(user) = HeaderValue::from_bytes(user.as_bytes()) {
        headers.insert(name.clone(), user);
    }
}

/// CGI and what came after it read `x-user` and `x_user` under one name.
fn is_alike(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| a == b || [a, b].iter().all(|it| b"-_".contains(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_gone() {
        let name = HeaderName::from_static("x-user");
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-user", "root"), ("x_user", "root"), ("x-user", "too"), ("x-users", "stays")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        write_user(&mut headers, &name, "ada");
        let left: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(left, [("x-users", "stays"), ("x-user", "ada")]);
    }
}
