//! Content-Length as one number (RFC 9110 §8.6).

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};

/// A Content-Length that is no number, or several that differ: where the message ends is anybody's guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLength;

/// Leaves one line with one number of what may be several, for a sender may repeat the same one (`2, 2`).
///
/// Returns it; `None` where there is no Content-Length.
pub fn settle_length(headers: &mut HeaderMap) -> Result<Option<u64>, BadLength> {
    let mut length = None;
    let mut repeated = 0;
    for line in headers.get_all(CONTENT_LENGTH) {
        for member in line.as_bytes().split(|&byte| byte == b',') {
            let number = number(member.trim_ascii()).ok_or(BadLength)?;
            if length.is_some_and(|length| length != number) {
                return Err(BadLength);
            }
            length = Some(number);
            repeated += 1;
        }
    }
    if let (Some(length), true) = (length, repeated > 1) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(length)
}

/// Digits alone: `str::parse` would take a plus as well.
fn number(text: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(text).ok()?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(lines: &[&str]) -> (Result<Option<u64>, BadLength>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_LENGTH, line.parse().unwrap());
        }
        let settled = settle_length(&mut headers);
        let left = headers.get_all(CONTENT_LENGTH).iter().map(|value| value.to_str().unwrap().to_owned());
        (settled, left.collect())
    }

    #[test]
    fn the_same_number_over_and_over_is_one() {
        for lines in [&["2"][..], &["2, 2"], &["2", "2"], &["2,2 ", " 2"], &["2 , 02"]] {
            assert_eq!(settled(lines), (Ok(Some(2)), vec!["2".into()]), "{lines:?}");
        }
        assert_eq!(settled(&[]), (Ok(None), Vec::new()));
    }

    #[test]
    fn what_is_no_number_or_several_settles_nothing() {
        let too_many = "18446744073709551616";
        for lines in [
            &["2, 3"][..],
            &["2", "3"],
            &[""],
            &["2,"],
            &[",2"],
            &["+2"],
            &["-2"],
            &["2 2"],
            &["0x2"],
            &["2;"],
            &[too_many],
        ] {
            assert_eq!(settled(lines).0, Err(BadLength), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_settled_or_refused(lines: Vec<Vec<u8>>) {
            let mut headers = HeaderMap::new();
            for line in lines {
                if let Ok(value) = HeaderValue::from_bytes(&line) {
                    headers.append(CONTENT_LENGTH, value);
                }
            }
            if let Ok(Some(_)) = settle_length(&mut headers) {
                prop_assert_eq!(headers.get_all(CONTENT_LENGTH).iter().count(), 1);
            }
        }
    }
}
