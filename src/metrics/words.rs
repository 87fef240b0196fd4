//! The values of labels: what of them is known before anything happens, and what stands for what an application chooses.

use std::borrow::Cow;

use super::route_counts::EndingKey;
use crate::websocket::CloseCode;

/// Every label value that can be told before anything happens: what is counted by them exists from the start, at 0, so that
/// the first event is a change and not the beginning of a series.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// The reasons of refusals.
    pub refusals: &'a [&'static str],
    /// How exchanges end.
    pub exchanges: &'a [&'static str],
    /// How tunnels end.
    pub outcomes: &'a [&'static str],
    /// How tunnels end, by whom, and with which code.
    pub endings: &'a [(&'static str, &'static str, Option<CloseCode>)],
    /// What becomes of attempts to prolong tunnels.
    pub renewals: &'a [&'static str],
}

/// What of [`Words`] is needed later, for routes that come.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownWords {
    pub(super) exchanges: Vec<&'static str>,
    pub(super) outcomes: Vec<&'static str>,
    pub(super) endings: Vec<EndingKey>,
}

impl KnownWords {
    /// What of these words is needed later.
    pub(super) fn of(words: Words<'_>) -> Self {
        let ending = |&(outcome, by, code): &(&'static str, &'static str, _)| (outcome, by, code_label(code));
        Self {
            exchanges: words.exchanges.to_vec(),
            outcomes: words.outcomes.to_vec(),
            endings: words.endings.iter().map(ending).collect(),
        }
    }
}

/// The class of an answer's status.
pub(super) fn class_of(status: Option<u16>) -> &'static str {
    match status {
        None => NO_ANSWER,
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(500..=599) => "5xx",
        Some(_) => "other",
    }
}

/// The class of an exchange to which no endpoint gave an answer.
pub(super) const NO_ANSWER: &str = "none";

/// The classes of answers that exchanges usually have.
pub(super) const CLASSES: [&str; 5] = [NO_ANSWER, "2xx", "3xx", "4xx", "5xx"];

/// An application may use two thousand codes of its own: they share two labels.
pub(super) fn code_label(code: Option<CloseCode>) -> Cow<'static, str> {
    match code.map(CloseCode::get) {
        None => "none".into(),
        Some(3000..=3999) => "3xxx".into(),
        Some(4000..) => "4xxx".into(),
        Some(code) => code.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_applications_share_two_labels() {
        let label = |code| code_label(CloseCode::new(code)).into_owned();
        assert_eq!([1012, 3000, 3999, 4000, 4999].map(label), ["1012", "3xxx", "3xxx", "4xxx", "4xxx"]);
        assert_eq!(code_label(None), "none");
    }
}
