//! What a tunnel was let in by, as a plain value: another process asks again about it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::good::Good;
use super::rechecks::Permitted;
use crate::authorize::question::Question;
use crate::moment::Moment;

/// The question and its last good answer. Tunnels that share a question share it again where they are watched again.
#[derive(Serialize, Deserialize)]
pub struct FrozenPermitted {
    sent: Vec<FrozenHeader>,
    request: Vec<FrozenHeader>,
    at: Moment,
    until: Option<Moment>,
}

/// A name and a value.
type FrozenHeader = (Vec<u8>, Vec<u8>);

impl FrozenPermitted {
    /// `permitted` as it is `now`.
    pub fn of(permitted: &Permitted, now: Instant) -> Self {
        let Permitted { question, good } = permitted;
        let [sent, request] = question.headers();
        Self {
            sent: frozen(sent),
            request: frozen(request),
            at: Moment::of(good.at, now),
            until: good.until.map(|until| Moment::of(until, now)),
        }
    }

    /// The same in this process, by which it was `frozen` then; `None` where a header is none.
    pub fn thaw(self, frozen: Instant) -> Option<Permitted> {
        let question = Question::of_headers(thawed(&self.sent)?, thawed(&self.request)?);
        let good = Good { at: self.at.at(frozen), until: self.until.map(|until| until.at(frozen)) };
        Some(Permitted { question: Arc::new(question), good })
    }
}

impl fmt::Debug for FrozenPermitted {
    /// Its values are credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrozenPermitted")
    }
}

fn frozen(headers: &[(HeaderName, HeaderValue)]) -> Vec<FrozenHeader> {
    headers.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect()
}

fn thawed(headers: &[FrozenHeader]) -> Option<Box<[(HeaderName, HeaderValue)]>> {
    headers
        .iter()
        .map(|(name, value)| Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::COOKIE;
    use http::{HeaderMap, Method, Uri};
    use proptest::prelude::*;

    use super::*;
    use crate::authorize::question::About;
    use crate::authorize::verdict::tests::settings;
    use crate::config::ForwardedHeaders;
    use crate::http::forward::{Arrival, Scheme, Trust};

    fn permitted(cookie: &[u8], good: Good) -> Permitted {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(cookie).unwrap())]);
        let (peer, written) = ([192, 0, 2, 7].into(), ForwardedHeaders::XForwarded);
        let arrival = Arrival { peer, trust: Trust::Untrusted, scheme: Scheme::Https, written };
        let about = About { method: &Method::GET, target: &Uri::from_static("/chat?a=b"), headers: &headers, arrival };
        Permitted { question: Arc::new(Question::new(&settings(""), &about)), good }
    }

    fn sent(permitted: &Permitted, now: Instant) -> FrozenPermitted {
        postcard::from_bytes(&postcard::to_allocvec(&FrozenPermitted::of(permitted, now)).unwrap()).unwrap()
    }

    #[test]
    fn the_same_question_is_asked_as_long_after_the_same_answer() {
        let now = Instant::now();
        let (before, after) = (Duration::from_secs(60), Duration::from_nanos(90));
        let permitted = permitted(b"session=\xff1", Good { at: now - before, until: Some(now + after) });
        let theirs = now + Duration::from_secs(1_000);
        let moved = sent(&permitted, now).thaw(theirs).unwrap();
        assert_eq!(moved.question, permitted.question);
        assert_eq!((moved.good.at, moved.good.until), (theirs - before, Some(theirs + after)));
    }

    #[test]
    fn it_does_not_show_what_lets_in() {
        let now = Instant::now();
        let frozen = FrozenPermitted::of(&permitted(b"session=hush", Good { at: now, until: None }), now);
        assert_eq!(format!("{frozen:?}"), "FrozenPermitted");
    }

    #[test]
    fn a_header_that_is_none_refuses_the_value() {
        let now = Instant::now();
        for (name, value) in [(&b""[..], &b"x"[..]), (b"a b", b"x"), (b"a", b"x\r\ny: z"), (b"a", b"\0")] {
            for is_sent in [true, false] {
                let mut frozen = FrozenPermitted::of(&permitted(b"a=b", Good { at: now, until: None }), now);
                let headers = if is_sent { &mut frozen.sent } else { &mut frozen.request };
                headers.push((name.into(), value.into()));
                assert!(frozen.thaw(now).is_none(), "{name:?}: {value:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_that_are_none_are_refused_and_none_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(frozen) = postcard::from_bytes::<FrozenPermitted>(&bytes) {
                frozen.thaw(Instant::now());
            }
        }
    }
}
