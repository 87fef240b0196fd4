//! Answers, as they go out: JSON, text, and problems.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;

use super::problem::Problem;
use crate::admin::command::CommandError;

/// What is answered: whole, or as it comes.
pub(in crate::admin) type AdminAnswer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Stands among the extensions of a problem: what it says, for the log.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Told(pub(in crate::admin) String);

pub(in crate::admin) fn told<T: Serialize>(result: Result<T, CommandError>) -> AdminAnswer {
    match result {
        Ok(value) => json(StatusCode::OK, &value),
        Err(failed) => problem(&Problem::from(&failed)),
    }
}

pub(in crate::admin) fn problem(problem: &Problem) -> AdminAnswer {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = typed(json(status, problem), "application/problem+json");
    // What made no sense is quoted in the answer; it may be a secret in the wrong place.
    let is_quoted = status == StatusCode::BAD_REQUEST;
    answer.extensions_mut().insert(Told(if is_quoted { problem.title.clone() } else { problem.detail.clone() }));
    answer
}

pub(in crate::admin) fn json<T: Serialize>(status: StatusCode, value: &T) -> AdminAnswer {
    let mut body = serde_json::to_string_pretty(value).unwrap_or_default();
    body.push('\n');
    typed(text(status, body), "application/json")
}

pub(in crate::admin) fn text(status: StatusCode, body: impl Into<Bytes>) -> AdminAnswer {
    let mut answer = Response::new(Full::new(body.into()).boxed_unsync());
    *answer.status_mut() = status;
    typed(answer, "text/plain; charset=utf-8")
}

/// An answer of this type: it is taken for no other one, and kept by nobody.
pub(in crate::admin) fn typed(mut answer: AdminAnswer, content_type: &'static str) -> AdminAnswer {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Which methods there are.
pub(in crate::admin) fn allowing(mut answer: AdminAnswer, methods: &str) -> AdminAnswer {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        answer.headers_mut().insert(ALLOW, methods);
    }
    answer
}

/// What `/ready` says where newcomers are welcome.
pub(in crate::admin) const READY: &str = "ready";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::answer::ProblemKind;

    #[test]
    fn whatever_is_answered_is_taken_for_nothing_else_and_kept_by_nobody() {
        let answers = [
            json(StatusCode::OK, &1),
            text(StatusCode::OK, "live"),
            problem(&ProblemKind::Busy.because("ask again")),
            told::<u8>(Err(CommandError::Stopping)),
        ];
        for answer in answers {
            let headers = [X_CONTENT_TYPE_OPTIONS, CACHE_CONTROL].map(|name| answer.headers()[name].clone());
            assert_eq!(headers, ["nosniff", "no-store"]);
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_quoted_to_who_sent_it_and_not_in_the_log() {
        let answer = told::<u8>(Err(CommandError::Nonsense("scope: `hunter2` is none".into())));
        let Some(Told(text)) = answer.extensions().get() else { panic!("it is told") };
        assert_eq!(text, "the request makes no sense");
        let answer = told::<u8>(Err(CommandError::Unknown("there is no route chat".into())));
        assert_eq!(answer.extensions().get::<Told>().map(|Told(text)| text.as_str()), Some("there is no route chat"));
    }
}
