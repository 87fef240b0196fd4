//! How often a request has come through windlass: what ends one that goes round in circles.
//!
//! `X-Forwarded-For` cannot tell: what an untrusted peer says of others is dropped, and in a circle that peer is we. The count
//! is believed from anybody, for whoever makes one up harms nobody but himself.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Refusal;

/// Counts this passage in the headers that go on.
///
/// # Errors
/// That the request has come through [`MOST`] times already.
pub fn count(headers: &mut HeaderMap) -> Result<(), Refusal> {
    let passages = headers.get_all(&WINDLASS_HOPS).iter().filter_map(read).max().unwrap_or(0);
    let next = COUNTS.get(passages).ok_or(Refusal::Loop)?;
    headers.insert(WINDLASS_HOPS, HeaderValue::from_static(next));
    Ok(())
}

/// How many passages a value of ours counts; what is none of ours counts nothing.
fn read(value: &HeaderValue) -> Option<usize> {
    COUNTS.iter().position(|count| count.as_bytes() == value.as_bytes()).map(|index| index + 1)
}

/// The header that carries the count.
pub const WINDLASS_HOPS: HeaderName = HeaderName::from_static("windlass-hops");

/// More tiers of windlass than anybody puts behind one another.
pub const MOST: usize = COUNTS.len();

const COUNTS: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[&'static str]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WINDLASS_HOPS, HeaderValue::from_static(value));
        }
        count(&mut headers)?;
        let counts: Vec<_> = headers.get_all(WINDLASS_HOPS).iter().map(|it| it.to_str().unwrap()).collect();
        Ok(counts.join(","))
    }

    #[test]
    fn each_passage_counts_one_until_there_were_too_many() {
        assert_eq!(after(&[]).as_deref(), Ok("1"));
        assert_eq!(after(&["1"]).as_deref(), Ok("2"));
        assert_eq!(after(&["9"]).as_deref(), Ok("10"));
        assert_eq!(after(&["10"]), Err(Refusal::Loop));
        assert_eq!(after(&["3", "10", "1"]), Err(Refusal::Loop));
    }

    #[test]
    fn nonsense_counts_nothing_and_does_not_go_on() {
        for nonsense in ["", "0", "11", "-1", "01", "many", "1, 10"] {
            assert_eq!(after(&[nonsense]).as_deref(), Ok("1"), "{nonsense:?}");
        }
        assert_eq!(after(&["2", "many"]).as_deref(), Ok("3"));
    }
}
