//! What an answer of a collector means (OTLP §OTLP/HTTP Response), and how long is waited before it is asked again.

use std::time::{Duration, UNIX_EPOCH};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// What has become of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken, but for so many of its spans.
    Taken {
        /// Those that were refused.
        refused: u64,
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
            200..=299 => Self::Taken { refused: refused(body) },
            429 | 502 | 503 | 504 => Self::Later(retry_after(headers, now)),
            _ => Self::Refused,
        }
    }
}

/// How long is waited before the attempt after so many that came to nothing: longer and longer, and not of all proxies at once;
/// `random` is between 0 and 1.
pub(super) fn pause(failed: u32, said: Option<Duration>, random: f64) -> Duration {
    let usual = FIRST_PAUSE.saturating_mul(1 << failed.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    // Not sooner than was said, and no longer than makes sense.
    said.map_or(usual.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0), |said| said.min(LONGEST_SAID))
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
}

/// How many spans a collector says that it has refused.
fn refused(body: &[u8]) -> u64 {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let rejected = answer.partial_success.unwrap_or_default().rejected_spans;
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or_default()
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
const LONGEST_SAID: Duration = Duration::from_secs(300);

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
        for (body, refused) in [
            ("", 0),
            ("{}", 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":3}}"#, 3),
            ("\u{0}nonsense", 0),
        ] {
            assert_eq!(of(200, None, body), Verdict::Taken { refused }, "{body}");
        }
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
        let pauses: Vec<_> = (1..9).map(|failed| pause(failed, None, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pause(u32::MAX, None, 0.0), LONGEST_PAUSE / 2);
        assert_eq!(pause(1, Some(Duration::from_secs(9)), 0.0).as_secs(), 9);
        assert_eq!(pause(1, Some(Duration::MAX), 0.0), LONGEST_SAID);
    }
}
