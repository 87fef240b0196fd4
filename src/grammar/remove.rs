//! Taking header lines out so that the others keep their order.

use http::{HeaderMap, HeaderName};

/// Takes out the fields that `is_out` says, and leaves the others in their order: [`HeaderMap::remove`] would put the last
/// one in the place of the removed.
pub fn remove(headers: &mut HeaderMap, is_out: impl Fn(&HeaderName) -> bool) {
    if !headers.keys().any(&is_out) {
        return;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    let mut current = None;
    for (name, value) in headers.drain() {
        // A field's further lines come without its name.
        if let Some(name) = name {
            current = Some(name).filter(|name| !is_out(name));
        }
        if let Some(name) = &current {
            kept.append(name.clone(), value);
        }
    }
    *headers = kept;
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_left_stands_as_it_stood() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("d", "1"), ("c", "2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        remove(&mut headers, |name| name == "b" || name == "d");
        let left: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(left, [("a", "1"), ("a", "2"), ("c", "1"), ("c", "2")]);
    }
}
