//! Why a request of an operator came to nothing, as RFC 9457 has it: a kind that programs know again, and words for people.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::admin::command::CommandError;

/// `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// Which kind it is: `urn:windlass:problem:KIND`, a row of docs/admin.md.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind in words.
    #[serde(default)]
    pub title: String,
    /// The status of the answer.
    #[serde(default)]
    pub status: u16,
    /// What is wrong this time, and what to do. A version before this one wrote `error`.
    #[serde(alias = "error")]
    pub detail: String,
}

/// The kinds. Their words never change: programs go by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum ProblemKind {
    /// The request makes no sense.
    Nonsense,
    /// It does not say who asks.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// There is no such path.
    NoRoute,
    /// There is nothing of that name.
    Unknown,
    /// The path is for another method.
    WrongMethod,
    /// It cannot be done now.
    Refused,
    /// The configuration is wrong.
    WrongConfiguration,
    /// Somebody guesses tokens.
    TooManyGuesses,
    /// It did not work, and that is our fault.
    Failed,
    /// There is too much to do.
    Busy,
    /// The process stops.
    Stopping,
    /// Another process serves.
    HandedOver,
}

impl ProblemKind {
    /// All of them.
    #[cfg(test)]
    pub(in crate::admin) const ALL: [Self; 13] = [
        Self::Nonsense,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NoRoute,
        Self::Unknown,
        Self::WrongMethod,
        Self::Refused,
        Self::WrongConfiguration,
        Self::TooManyGuesses,
        Self::Failed,
        Self::Busy,
        Self::Stopping,
        Self::HandedOver,
    ];

    /// Its word, its title, and the status of its answers.
    pub(in crate::admin) fn row(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::Nonsense => ("nonsense", "the request makes no sense", StatusCode::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", "say who asks", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", "not over this listener", StatusCode::FORBIDDEN),
            Self::NoRoute => ("no-route", "there is no such path", StatusCode::NOT_FOUND),
            Self::Unknown => ("unknown", "there is nothing of that name", StatusCode::NOT_FOUND),
            Self::WrongMethod => ("wrong-method", "the path is for another method", StatusCode::METHOD_NOT_ALLOWED),
            Self::Refused => ("refused", "it cannot be done now", StatusCode::CONFLICT),
            Self::WrongConfiguration => {
                ("wrong-configuration", "the configuration is wrong", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::TooManyGuesses => ("too-many-guesses", "too many wrong tokens", StatusCode::TOO_MANY_REQUESTS),
            Self::Failed => ("failed", "it did not work", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Busy => ("busy", "there is too much to do", StatusCode::SERVICE_UNAVAILABLE),
            Self::Stopping => ("stopping", "the process stops", StatusCode::SERVICE_UNAVAILABLE),
            Self::HandedOver => ("handed-over", "another process serves", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// This time.
    pub(in crate::admin) fn because(self, detail: impl Into<String>) -> Problem {
        let (word, title, status) = self.row();
        Problem {
            kind: format!("urn:windlass:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        }
    }
}

impl From<&CommandError> for Problem {
    fn from(failed: &CommandError) -> Self {
        let kind = match failed {
            CommandError::Nonsense(_) => ProblemKind::Nonsense,
            CommandError::Unknown(_) => ProblemKind::Unknown,
            CommandError::Config(_) => ProblemKind::WrongConfiguration,
            CommandError::Refused(_) => ProblemKind::Refused,
            CommandError::Busy => ProblemKind::Busy,
            CommandError::Stopping => ProblemKind::Stopping,
            CommandError::HandedOver => ProblemKind::HandedOver,
        };
        kind.because(failed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_explained_where_operators_read() {
        let explained = include_str!("../../../docs/admin.md");
        for kind in ProblemKind::ALL {
            let (word, title, status) = kind.row();
            let row = format!("| `{word}` | {} | {title}", status.as_u16());
            assert!(explained.contains(&row), "docs/admin.md has no row {row}");
        }
    }

    #[test]
    fn what_an_older_process_says_is_understood() {
        let problem: Problem = serde_json::from_str(r#"{"error": "there is no route chat"}"#).unwrap();
        assert_eq!(problem.detail, "there is no route chat");
    }
}
