//! The opaque name under which tunnels are prolonged: in a header for native clients, in a cookie for browsers, which cannot read the
//! headers of a 101.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::token_place::{cookie_value, take_out_cookie};
use super::user_header::take_out_user;
use crate::grammar::remove;

/// The name of some tunnels: 128 random bits. It alone permits nothing, and is no one's business: it is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RenewalId([u8; BYTES]);

/// Where native clients read and write it.
pub const RENEWAL_HEADER: HeaderName = HeaderName::from_static(NAME);

const NAME: &str = "windlass-tunnel";
const BYTES: usize = 16;
/// How many of a request are looked at: a browser has one for each route whose path begins alike, and what other pages of the site have
/// set is not to hide them.
const MOST_BROUGHT: usize = 64;

impl RenewalId {
    /// That of these bits, which nobody can guess.
    pub fn new(random: [u8; BYTES]) -> Self {
        Self(random)
    }

    /// As it is written in headers.
    pub fn written(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What says it to native clients.
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.written()).ok()
    }

    /// What has a browser bring it along, below this path: from pages of the same site alone, and over TLS alone where it
    /// `is_secure`. It goes with the browser.
    pub fn cookie(&self, path: &str, security: &str) -> Option<HeaderValue> {
        let value = format!("{NAME}={}; Path={path}; HttpOnly{security}; SameSite=Strict", self.written());
        HeaderValue::try_from(value).ok()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // What is longer is none, and is not decoded.
        let text = Some(text).filter(|text| text.len() == BYTES.saturating_mul(4).div_ceil(3))?;
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for RenewalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenewalId(…)")
    }
}

/// What a request brings, that of the header first; it is taken out, so that nobody behind us reads it.
pub fn take_renewal_ids(headers: &mut HeaderMap) -> Vec<RenewalId> {
    let of_header = headers.get_all(RENEWAL_HEADER).iter().map(|line| line.as_bytes().trim_ascii());
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let of_cookies = pairs.filter_map(|pair| cookie_value(pair, NAME));
    let found = of_header.chain(of_cookies).filter_map(RenewalId::parse).take(MOST_BROUGHT).collect();
    take_out_user(headers, &RENEWAL_HEADER);
    take_out_cookie(headers, NAME);
    found
}

/// Takes out of an answer what looks as if we had said it.
pub fn take_out_renewal_ids(headers: &mut HeaderMap) {
    remove(headers, |name| *name == RENEWAL_HEADER);
    let is_ours = |line: &HeaderValue| cookie_value(line.as_bytes(), NAME).is_some();
    if headers.get_all(SET_COOKIE).iter().any(is_ours) {
        let kept: Vec<_> = headers.get_all(SET_COOKIE).iter().filter(|line| !is_ours(line)).cloned().collect();
        remove(headers, |name| *name == SET_COOKIE);
        headers.extend(kept.into_iter().map(|line| (SET_COOKIE, line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> RenewalId {
        RenewalId::new([byte; BYTES])
    }

    fn headers(lines: &[(&'static str, String)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        lines.collect()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        assert_eq!(RenewalId::parse(id(7).written().as_bytes()), Some(id(7)));
        assert_eq!(id(255).written(), "_____________________w");
        for wrong in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAA+A"] {
            assert_eq!(RenewalId::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(format!("{:?}", id(7)), "RenewalId(…)");
    }

    #[test]
    fn a_request_brings_it_in_the_header_or_the_cookie_and_neither_is_left() {
        let mut asked = headers(&[
            ("cookie", format!("a=1; windlass-tunnel={}; b=2", id(2).written())),
            ("cookie", format!("windlass-tunnel={}", id(3).written())),
            ("windlass-tunnel", id(1).written()),
            ("windlass_tunnel", id(4).written()),
            ("x-other", "stays".into()),
        ]);
        assert_eq!(take_renewal_ids(&mut asked), [id(1), id(2), id(3)]);
        assert_eq!(asked, headers(&[("cookie", "a=1; b=2".into()), ("x-other", "stays".into())]));
        assert_eq!(take_renewal_ids(&mut asked), []);
    }

    #[test]
    fn no_more_than_a_few_are_looked_at() {
        let pairs = (0..100).map(|byte| format!("windlass-tunnel={}", id(byte).written())).collect::<Vec<_>>();
        let mut asked = headers(&[("cookie", pairs.join("; "))]);
        assert_eq!(take_renewal_ids(&mut asked).len(), MOST_BROUGHT);
        assert!(asked.is_empty());
    }

    #[test]
    fn an_endpoint_cannot_say_it() {
        let theirs = format!("windlass-tunnel={}; Path=/", id(9).written());
        let mut answer = headers(&[
            ("set-cookie", "a=1".into()),
            ("set-cookie", theirs),
            ("set-cookie", "windlass-tunnels=1".into()),
            ("windlass-tunnel", id(9).written()),
        ]);
        take_out_renewal_ids(&mut answer);
        let kept = headers(&[("set-cookie", "a=1".into()), ("set-cookie", "windlass-tunnels=1".into())]);
        assert_eq!(answer, kept);
    }

    #[test]
    fn its_cookie_stays_with_its_path_and_its_site() {
        let cookie = id(255).cookie("/ws", "; Secure").unwrap();
        assert_eq!(cookie, "windlass-tunnel=_____________________w; Path=/ws; HttpOnly; Secure; SameSite=Strict");
    }
}
