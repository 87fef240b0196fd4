//! Times of day as the log has them (RFC 3339, UTC).

use std::fmt;

use rustls::pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time of day; what no calendar has is its seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date(pub(super) UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let date = i64::try_from(seconds).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
        match date.and_then(|date| date.format(&Rfc3339).ok()) {
            Some(date) => f.write_str(&date),
            None => write!(f, "{seconds}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_told_as_people_read_it() {
        let told = |seconds| Date(UnixTime::since_unix_epoch(Duration::from_secs(seconds))).to_string();
        assert_eq!(told(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(told(u64::MAX), u64::MAX.to_string());
    }
}
