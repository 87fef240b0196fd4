//! What an answer of a collector means (OTLP §OTLP/HTTP Response), and how long is waited before it is asked again.

use std::time::{Duration, UNIX_EPOCH};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// What has become of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken, but for so many of its spans.
    Taken {
        /// Those that were refused.
        refused: u64,
        /// Why, or of what it warns.
        said: Option<String>,
    },
    /// It may be sent again, after this time where one was said.
    Later(Option<Duration>),
    /// It will never be taken.
    Refused,
}

impl Verdict {
    /// What this answer says at `now`, counted from 1970; `body` is what was read of it.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Duration) -> Self {
        match status.as_u16() {
            200..=299 => taken(body),
            429 | 502 | 503 | 504 => Self::Later(retry_after(headers, now)),
            _ => Self::Refused,
        }
    }
}

/// How long is waited before a batch is sent again that came to nothing so often, since `tried_for`: longer and longer, and not of all
/// proxies at once; `None`: it is given up. `random` is between 0 and 1.
pub(super) fn pause(failed: u32, said: Option<Duration>, tried_for: Duration, random: f64) -> Option<Duration> {
    let usual = FIRST_PAUSE.saturating_mul(1 << failed.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let usual = usual.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    // Not sooner than was said, whatever was said, and no longer than makes sense.
    let pause = said.map_or(usual, |said| said.min(LONGEST_SAID).max(usual));
    (tried_for + pause <= TRIED_FOR).then_some(pause)
}

/// The answer to a batch of which something was taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    /// A number of 64 bits: a text, in this encoding, or a number all the same.
    rejected_spans: serde_json::Value,
    error_message: String,
}

/// What a collector says of spans that it has taken.
fn taken(body: &[u8]) -> Verdict {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let PartialSuccess { rejected_spans: rejected, error_message } = answer.partial_success.unwrap_or_default();
    let refused = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or_default();
    let said: String =
        error_message.chars().map(|it| if it.is_control() { ' ' } else { it }).take(LONGEST_WORD).collect();
    Verdict::Taken { refused, said: Some(said).filter(|said| !said.is_empty()) }
}

/// RFC 9110 §10.2.3.
fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match said.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(said).ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some(date.saturating_sub(now))
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whatever a collector says: what waits for it meanwhile finds no room.
const LONGEST_SAID: Duration = Duration::from_secs(120);

/// How long a batch is tried: the next may be better, for it may be this one that is not answered.
const TRIED_FOR: Duration = Duration::from_secs(300);

/// How much of what a collector says is told, in characters.
const LONGEST_WORD: usize = 200;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(status: u16, retry_after: Option<&'static str>, body: &str) -> Verdict {
        let headers = retry_after.map(|it| (RETRY_AFTER, HeaderValue::from_static(it))).into_iter().collect();
        let now = Duration::from_secs(784_111_777);
        Verdict::of(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), now)
    }

    #[test]
    fn what_is_taken_is_taken_but_for_what_is_said() {
        for (body, refused, said) in [
            ("", 0, None),
            ("{}", 0, None),
            (r#"{"partialSuccess":{}}"#, 0, None),
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too\nold"}}"#, 3, Some("too old")),
            (r#"{"partialSuccess":{"rejectedSpans":3}}"#, 3, None),
            (r#"{"partialSuccess":{"errorMessage":"an old version"}}"#, 0, Some("an old version")),
            ("\u{0}nonsense", 0, None),
        ] {
            assert_eq!(of(200, None, body), Verdict::Taken { refused, said: said.map(str::to_owned) }, "{body}");
        }
        let long = format!(r#"{{"partialSuccess":{{"errorMessage":"{}"}}}}"#, "é".repeat(10_000));
        assert_eq!(of(200, None, &long), Verdict::Taken { refused: 0, said: Some("é".repeat(LONGEST_WORD)) });
    }

    #[test]
    fn only_these_are_asked_again_and_not_before_they_say() {
        for status in [429, 502, 503, 504] {
            assert_eq!(of(status, None, ""), Verdict::Later(None));
            assert_eq!(of(status, Some("7"), ""), Verdict::Later(Some(Duration::from_secs(7))));
        }
        let date = Some("Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(of(503, date, ""), Verdict::Later(Some(Duration::from_secs(10))));
        assert_eq!(of(503, Some("soon"), ""), Verdict::Later(None));
        for status in [301, 400, 401, 404, 413, 500, 501] {
            assert_eq!(of(status, Some("7"), ""), Verdict::Refused, "{status}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pause = |failed, said, random| pause(failed, said, Duration::ZERO, random).unwrap();
        let pauses: Vec<_> = (1..9).map(|failed| pause(failed, None, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pause(u32::MAX, None, 0.0), LONGEST_PAUSE / 2);
        assert_eq!(pause(1, Some(Duration::from_secs(9)), 0.0).as_secs(), 9);
        assert_eq!(pause(1, Some(Duration::MAX), 0.0), LONGEST_SAID);
    }

    #[test]
    fn who_says_at_once_is_not_asked_sooner_than_whoever_says_nothing() {
        let past = of(503, Some("Sun, 06 Nov 1994 08:49:07 GMT"), "");
        assert_eq!((&past, of(503, Some("0"), "")), (&Verdict::Later(Some(Duration::ZERO)), past.clone()));
        for failed in 1..9 {
            assert_eq!(
                pause(failed, Some(Duration::ZERO), Duration::ZERO, 0.7),
                pause(failed, None, Duration::ZERO, 0.7)
            );
        }
    }

    #[test]
    fn a_batch_is_given_up_after_some_minutes_whatever_a_collector_says() {
        for said in [None, Some(Duration::ZERO), Some(Duration::from_secs(300)), Some(Duration::MAX)] {
            let (mut tried_for, mut failed) = (Duration::ZERO, 1);
            while let Some(pause) = pause(failed, said, tried_for, 1.0) {
                (tried_for, failed) = (tried_for + pause, failed + 1);
            }
            assert!(tried_for <= TRIED_FOR && tried_for >= TRIED_FOR / 2, "{said:?}: {tried_for:?}");
            assert!((3..20).contains(&failed), "{said:?}: {failed}");
        }
    }
}
