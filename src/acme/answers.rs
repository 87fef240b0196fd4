//! What a directory is answered that looks over plain HTTP whether a name is ours (HTTP-01, RFC 8555 §8.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether `path` is one that a directory asks for.
pub fn is_challenge(path: &str) -> bool {
    path.starts_with(QUESTIONS)
}

/// The answers to the questions that are under way.
#[derive(Debug, Default)]
pub struct HttpAnswers(Mutex<HashMap<String, Answer>>);

#[derive(Debug)]
struct Answer {
    name: String,
    text: String,
}

/// An answer is given as long as this lives.
#[derive(Debug)]
pub(super) struct HttpAnswerGuard {
    answers: Arc<HttpAnswers>,
    token: String,
}

impl HttpAnswers {
    /// What is answered where `path` is asked for at `host`; `None` where that is no question of ours.
    pub fn answer(&self, host: &str, path: &str) -> Option<String> {
        let token = path.strip_prefix(QUESTIONS)?;
        let answers = self.locked();
        answers.get(token).filter(|answer| answer.name.eq_ignore_ascii_case(host)).map(|answer| answer.text.clone())
    }

    /// Answers `text` where `name` is asked for `token`.
    pub(super) fn begin(self: &Arc<Self>, name: &str, token: &str, text: &str) -> HttpAnswerGuard {
        let answer = Answer { name: name.to_owned(), text: text.to_owned() };
        self.locked().insert(token.to_owned(), answer);
        HttpAnswerGuard { answers: Arc::clone(self), token: token.to_owned() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HttpAnswerGuard {
    fn drop(&mut self) {
        self.answers.locked().remove(&self.token);
    }
}

/// Below which a directory asks.
const QUESTIONS: &str = "/.well-known/acme-challenge/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_while_it_is_under_way_and_at_its_host() {
        let answers = Arc::new(HttpAnswers::default());
        let asked = |host: &str, token: &str| answers.answer(host, &format!("/.well-known/acme-challenge/{token}"));
        let guard = answers.begin("site.test", "token", "token.thumbprint");
        assert_eq!(asked("Site.test", "token").as_deref(), Some("token.thumbprint"));
        assert_eq!(asked("other.test", "token"), None);
        assert_eq!(asked("site.test", "other"), None);
        assert_eq!(asked("site.test", "token/"), None);
        assert_eq!(answers.answer("site.test", "/token"), None);
        drop(guard);
        assert_eq!(asked("site.test", "token"), None);
    }
}
