//! What a client says in `Authorization: Basic` (RFC 7617), and how it is asked to.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// A name and a password; the password is wiped after use, and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// Who it claims to be.
    pub user: String,
    /// By what.
    pub password: Zeroizing<Vec<u8>>,
}

impl BasicCredentials {
    /// Whether they are longer than anybody's: to compare takes the longer the longer they are.
    pub fn are_too_long(&self) -> bool {
        self.user.len() > LONGEST_USER || self.password.len() > LONGEST_PASSWORD
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The credentials in these headers; `None` where there are none that can be read in one way only.
pub fn basic_credentials(headers: &HeaderMap) -> Option<BasicCredentials> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let token = token.trim_matches(' ');
    let pair = STANDARD.decode(token).or_else(|_| STANDARD_NO_PAD.decode(token)).ok().map(Zeroizing::new)?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, password) = pair.split_at_checked(colon)?;
    let user = String::from_utf8(user.to_vec()).ok()?;
    Some(BasicCredentials { user, password: Zeroizing::new(password.get(1..)?.to_vec()) })
}

/// What a 401 says in `WWW-Authenticate`.
pub fn basic_challenge(realm: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")).ok()
}

/// How long a name and a password may be, in bytes.
const LONGEST_USER: usize = 256;
const LONGEST_PASSWORD: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Option<(String, String)> {
        let lines = lines.iter().map(|line| (AUTHORIZATION, HeaderValue::from_str(line).unwrap()));
        let BasicCredentials { user, password } = basic_credentials(&lines.collect())?;
        Some((user, String::from_utf8(password.to_vec()).unwrap()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn a_name_ends_at_the_first_colon() {
        assert_eq!(read(&["Basic YWRhOnNlY3JldA=="]), pair("ada", "secret"));
        assert_eq!(read(&["basic  YWRhOnNlY3JldA"]), pair("ada", "secret"));
        assert_eq!(read(&["Basic YTo6Yjo="]), pair("a", ":b:"));
        assert_eq!(read(&["Basic Og=="]), pair("", ""));
        assert_eq!(read(&["Basic w6Q6w7w="]), pair("ä", "ü"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_none() {
        for lines in [
            &[][..],
            &["Bearer YWRhOnNlY3JldA=="],
            &["Basic"],
            &["Basic "],
            &["Basic YWRh"],
            &["Basic YWRhOnNlY3JldA==, Basic YWRhOnNlY3JldA=="],
            &["Basic YWRhOnNlY3JldA==", "Basic YWRhOnNlY3JldA=="],
            &["Basic /zph"],
            &["Basic YWRhOnNlY3Jld*=="],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = BasicCredentials { user: "ada".into(), password: Zeroizing::new(b"secret".to_vec()) };
        let shown = format!("{credentials:?}");
        assert!(shown.contains("ada") && !shown.contains("secret") && !shown.contains("115"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_browsers_send_is_read(user in "[^:]{0,20}", password in ".{0,30}") {
            let line = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(read(&[&line]), pair(&user, &password));
        }

        #[test]
        fn no_line_panics(line in prop::collection::vec(32..=255_u8, 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let _ = basic_credentials(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
            }
        }
    }
}
