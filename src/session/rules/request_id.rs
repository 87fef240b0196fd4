//! The name that a request has in lines of the log here, and wherever else it comes by.

use http::HeaderMap;
use http::header::{Entry, HeaderName, HeaderValue};

use crate::http::forward::Trust;

/// The name of the request that these headers are of, which they say from now on: a trusted proxy's, or one that is made here.
///
/// What anybody else says is not kept, for two requests of one name would be one for whoever reads the lines.
pub(in crate::session) fn settle(headers: &mut HeaderMap, header: &HeaderName, trust: Trust) -> Box<str> {
    if let Some(kept) = kept(headers, header).filter(|_| trust == Trust::Trusted) {
        return kept;
    }
    let name = made();
    let value = HeaderValue::from_str(&name).unwrap_or_else(|_| HeaderValue::from_static(""));
    match headers.try_entry(header) {
        // It keeps its place among the lines.
        Ok(Entry::Occupied(mut entry)) => drop(entry.insert_mult(value)),
        Ok(Entry::Vacant(entry)) => drop(entry.insert(value)),
        // A map of headers is full: the request is known by its name here alone.
        Err(_) => {}
    }
    name
}

/// What a request says that is fit for a name: one line of visible ASCII.
fn kept(headers: &HeaderMap, header: &HeaderName) -> Option<Box<str>> {
    let mut lines = headers.get_all(header).iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let is_fit = (1..=LONGEST).contains(&line.len()) && line.as_bytes().iter().all(u8::is_ascii_graphic);
    line.to_str().ok().filter(|_| is_fit).map(Box::from)
}

/// A name that hardly any other request has: it tells lines apart, and is no secret.
fn made() -> Box<str> {
    format!("{:032x}", fastrand::u128(..)).into()
}

/// How long a name may be, in bytes.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    fn settled(lines: &[&'static str], trust: Trust) -> (String, Vec<String>) {
        let mut headers: HeaderMap = lines.iter().map(|line| (HEADER, HeaderValue::from_static(line))).collect();
        let name = settle(&mut headers, &HEADER, trust);
        (name.into(), headers.get_all(HEADER).iter().map(|line| line.to_str().unwrap().to_owned()).collect())
    }

    fn is_made(name: &str) -> bool {
        name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    #[test]
    fn a_trusted_proxy_s_name_is_kept() {
        assert_eq!(settled(&["a-1"], Trust::Trusted), ("a-1".to_owned(), vec!["a-1".to_owned()]));
    }

    #[test]
    fn nobody_else_s_is_and_the_endpoint_reads_the_one_that_the_log_has() {
        for (lines, trust) in [
            (&[][..], Trust::Trusted),
            (&["a-1"], Trust::Untrusted),
            (&["a-1", "a-2"], Trust::Trusted),
            (&["a 1"], Trust::Trusted),
            (&[""], Trust::Trusted),
        ] {
            let (name, lines) = settled(lines, trust);
            assert!(is_made(&name), "{name}");
            assert_eq!(lines, [name]);
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_none() {
        let long: &'static str = "a".repeat(LONGEST + 1).leak();
        assert!(is_made(&settled(&[long], Trust::Trusted).0));
    }

    #[test]
    fn each_is_another_one() {
        let names: HashSet<_> = (0..1000).map(|_| made()).collect();
        assert_eq!(names.len(), 1000);
    }
}
