//! Header lines whose name has an underscore.
//!
//! CGI and its heirs make `HTTP_X_USER` of `X-User` and of `X_User`: what a proxy in front has taken out or written under the one
//! name, a client says under the other.

use http::{HeaderMap, HeaderName};

use super::forward;
use super::unclean::Unclean;
use crate::config::UnderscoreHeaders;
use crate::grammar::remove;

/// Does with them as the listener wants it. Whatever that is, none passes that could be taken for a field that frames a message,
/// routes it, or says who sends it.
///
/// # Errors
/// There is one, and the request is to be refused for it.
pub fn settle(headers: &mut HeaderMap, rule: UnderscoreHeaders) -> Result<(), Unclean> {
    match rule {
        UnderscoreHeaders::Drop => remove(headers, has_underscore),
        UnderscoreHeaders::Pass => remove(headers, |name| has_underscore(name) && !may_pass(name)),
        UnderscoreHeaders::Refuse if headers.keys().any(has_underscore) => return Err(Unclean::Underscore),
        UnderscoreHeaders::Refuse => {}
    }
    Ok(())
}

fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

fn may_pass(name: &HeaderName) -> bool {
    let meant = name.as_str().replace('_', "-");
    HeaderName::from_bytes(meant.as_bytes()).is_ok_and(|meant| !forward::decides(&meant))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn settled(rule: UnderscoreHeaders, names: &[&'static str]) -> Result<Vec<String>, Unclean> {
        let lines = names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")));
        let mut headers = HeaderMap::from_iter(lines);
        settle(&mut headers, rule)?;
        Ok(headers.keys().map(|name| name.as_str().to_owned()).collect())
    }

    #[test]
    fn the_listener_decides() {
        let names = ["host", "x_mine", "a", "b", "_", "c"];
        assert_eq!(settled(UnderscoreHeaders::Drop, &names).unwrap(), ["host", "a", "b", "c"]);
        assert_eq!(settled(UnderscoreHeaders::Pass, &names).unwrap(), names);
        assert_eq!(settled(UnderscoreHeaders::Refuse, &names), Err(Unclean::Underscore));
        assert_eq!(settled(UnderscoreHeaders::Refuse, &["host", "a"]).unwrap(), ["host", "a"]);
    }

    #[test]
    fn what_looks_like_a_field_that_decides_something_never_passes() {
        for name in [
            "content_length",
            "transfer_encoding",
            "content_type",
            "x_forwarded_for",
            "x-forwarded_proto",
            "x_real_ip",
            "proxy_authorization",
            "keep_alive",
            "sec_websocket_key",
            "sec_websocket-key",
            "windlass_hops",
            "if_match",
            "x_client_cert_subject",
        ] {
            assert!(settled(UnderscoreHeaders::Pass, &[name]).unwrap().is_empty(), "{name}");
        }
    }
}
