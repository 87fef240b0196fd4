//! Why there is no certificate yet.

use std::fmt;
use std::time::Duration;

use instant_acme::{Error, Problem};

/// Why an order, or a question, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    why: String,
    /// For how long the directory wants to hear nothing more, where it has said so.
    pub(super) told: Option<Duration>,
}

impl Failure {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), told: None }
    }

    /// What `error` says, while `doing` something.
    pub(super) fn of(doing: &str, error: &Error) -> Self {
        let why = match error {
            Error::Api(problem) => words(problem),
            Error::Timeout(_) => "the directory did not come to an end with it in time".to_owned(),
            error => error.to_string(),
        };
        let told = match error {
            Error::Other(error) => error.downcast_ref().map(|ToldToWait { told, .. }| *told),
            _ => None,
        };
        Self { told, ..Self::new(format!("{doing}: {why}")) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the directory's own words no more than fits a line.
        let mut line = self.why.chars().map(|c| if c.is_control() { ' ' } else { c });
        line.by_ref().take(LONGEST).try_for_each(|c| f.write_str(c.encode_utf8(&mut [0; 4])))?;
        if line.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// The directory wants to hear nothing more for so long, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct ToldToWait {
    pub(super) told: Duration,
    pub(super) why: String,
}

/// What a directory says of a problem (RFC 8555 §6.7), the parts of it too.
pub(super) fn words(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().map(|kind| kind.rsplit(':').next().unwrap_or(kind));
    let detail = problem.detail.as_deref().unwrap_or("no reason was given");
    let mut words = kind.map_or_else(|| detail.to_owned(), |kind| format!("{detail} ({kind})"));
    for part in &problem.subproblems {
        words += &format!("; {part}");
    }
    words
}

/// Whether a directory says that something is of this kind (RFC 8555 §6.7).
pub(super) fn is_of_kind(error: &Error, kind: &str) -> bool {
    let Error::Api(Problem { r#type: Some(its), .. }) = error else { return false };
    its.strip_prefix("urn:ietf:params:acme:error:") == Some(kind)
}

/// In characters.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directorys_own_words_are_one_line_with_an_end() {
        let long = Failure::new(format!("a\nb\u{1b}{}", "x".repeat(1000))).to_string();
        assert!(long.starts_with("a b x") && long.ends_with("x…"), "{long}");
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert_eq!(Failure::new("short").to_string(), "short");
    }

    #[test]
    fn who_is_told_to_wait_knows_for_how_long() {
        let told = ToldToWait { told: Duration::from_secs(7), why: "too many (rateLimited)".to_owned() };
        let failure = Failure::of("no order", &Error::Other(Box::new(told)));
        assert_eq!(failure.told, Some(Duration::from_secs(7)));
        assert_eq!(failure.to_string(), "no order: too many (rateLimited)");
        assert_eq!(Failure::of("no order", &Error::Other("lost".into())).told, None);
    }

    #[test]
    fn a_problem_is_told_with_its_kind() {
        let problem: Problem = serde_json::from_str(
            r#"{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates", "status": 429}"#,
        )
        .unwrap();
        let error = Error::Api(problem);
        assert!(is_of_kind(&error, "rateLimited"));
        assert!(!is_of_kind(&error, "limited"));
        assert_eq!(Failure::of("the order", &error).to_string(), "the order: too many certificates (rateLimited)");
    }
}
