//! What the two ends of a tunnel agreed on in `Sec-WebSocket-Extensions` (RFC 6455 §9.1, RFC 7692 §7.1).

use std::borrow::Cow;
use std::fmt;

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::grammar::{is_token, remove, split_unquoted};

/// The extension that RFC 7692 defines.
const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// What compresses: the extension of RFC 7692, and the two names its drafts had in old Safari and Chrome.
const COMPRESSING: [&str; 3] = [PERMESSAGE_DEFLATE, "deflate-frame", "x-webkit-deflate-frame"];

/// The extensions in use in a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extensions {
    /// None: every reserved bit is 0.
    #[default]
    None,
    /// Only permessage-deflate: RSV1 marks a compressed message.
    Deflate(DeflateParameters),
    /// At least one that we do not know: reserved bits and opcodes are its business.
    Unknown,
}

/// What was agreed on for permessage-deflate (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeflateParameters {
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The endpoint starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client's window has at most 2 to the power of this many bytes: `8..=15`.
    pub client_max_window_bits: u8,
    /// The endpoint's window has at most 2 to the power of this many bytes: `8..=15`.
    pub server_max_window_bits: u8,
}

/// What is wrong with a `Sec-WebSocket-Extensions` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadExtensions {
    /// It does not follow the grammar of RFC 6455 §9.1.
    Malformed,
    /// The answer names one that was not offered.
    NotOffered,
    /// The answer names permessage-deflate twice.
    Repeated,
    /// The answer's parameters for permessage-deflate are not those of RFC 7692 §7.1.
    DeflateParameters,
}

impl Extensions {
    /// What an answer settles on. `offer` has the request's headers as the endpoint got them.
    ///
    /// Whether the answer suits the values of the offer is for the client to judge, who made it.
    pub fn agreed(offer: &HeaderMap, answer: &HeaderMap) -> Result<Self, BadExtensions> {
        let answered = parse(answer)?;
        if answered.is_empty() {
            return Ok(Self::None);
        }
        let offered = parse(offer)?;
        let mut agreed = Self::None;
        for extension in answered {
            if !offered.iter().any(|offer| offer.is_named(extension.name)) {
                return Err(BadExtensions::NotOffered);
            }
            agreed = match agreed {
                _ if !extension.is_named(PERMESSAGE_DEFLATE) => Self::Unknown,
                Self::None => Self::Deflate(DeflateParameters::parse(&extension, &offered)?),
                Self::Unknown => Self::Unknown,
                Self::Deflate(_) => return Err(BadExtensions::Repeated),
            };
        }
        Ok(agreed)
    }

    /// Whether the header, if it is there at all, follows the grammar.
    pub fn check_offer(offer: &HeaderMap) -> Result<(), BadExtensions> {
        parse(offer).map(drop)
    }
}

/// Takes every offer of compression out of a request's headers, and leaves every other extension as it stands.
///
/// Lines that do not follow the grammar stay too: [`Extensions::check_offer`] refuses them.
pub fn refuse_compression(headers: &mut HeaderMap) {
    take_out(headers, |extension| COMPRESSING.into_iter().any(|compressing| extension.is_named(compressing)));
}

/// Takes every offer but those of permessage-deflate out of a request's headers, so that what a message inflates to can
/// be measured: an extension that we do not know may change its bytes in any way.
///
/// Lines that do not follow the grammar stay too.
pub fn refuse_unknown(headers: &mut HeaderMap) {
    take_out(headers, |extension| !extension.is_named(PERMESSAGE_DEFLATE));
}

/// Takes some offers out of a request's headers.
fn take_out(headers: &mut HeaderMap, is_refused: impl Fn(&Extension<'_>) -> bool) {
    let is_refused = |element: &&str| Extension::parse(element).is_ok_and(|extension| is_refused(&extension));
    let left = |line: &HeaderValue| {
        let Ok(text) = line.to_str() else { return Some(line.clone()) };
        let kept: Vec<&str> = elements(text).filter(|element| !is_refused(element)).collect();
        HeaderValue::from_str(&kept.join(", ")).ok().filter(|_| !kept.is_empty())
    };
    let lines: Vec<_> = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(left).collect();
    let mut lines = lines.into_iter();
    let Some(first) = lines.next() else {
        return remove(headers, |name| *name == SEC_WEBSOCKET_EXTENSIONS);
    };
    // In the place where they stood.
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, first);
    for line in lines {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, line);
    }
}

impl Default for DeflateParameters {
    fn default() -> Self {
        Self {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: 15,
            server_max_window_bits: 15,
        }
    }
}

impl DeflateParameters {
    /// The parameters of an answer: each at most once, with a value exactly where RFC 7692 §7.1 wants one.
    fn parse(answer: &Extension<'_>, offered: &[Extension<'_>]) -> Result<Self, BadExtensions> {
        let mut parameters = Self::default();
        let mut seen: Vec<&str> = vec![];
        for (name, value) in &answer.parameters {
            if seen.contains(name) {
                return Err(BadExtensions::DeflateParameters);
            }
            seen.push(name);
            match (*name, value) {
                ("client_no_context_takeover", None) => parameters.client_no_context_takeover = true,
                ("server_no_context_takeover", None) => parameters.server_no_context_takeover = true,
                ("server_max_window_bits", Some(bits)) => parameters.server_max_window_bits = window_bits(bits)?,
                // Only one who said that he can is bound to a smaller window (RFC 7692 §7.1.2.2).
                ("client_max_window_bits", Some(bits)) if offered.iter().any(Extension::offers_client_window) => {
                    parameters.client_max_window_bits = window_bits(bits)?;
                }
                _ => return Err(BadExtensions::DeflateParameters),
            }
        }
        Ok(parameters)
    }
}

/// 8–15, in decimal, without a leading zero.
fn window_bits(text: &str) -> Result<u8, BadExtensions> {
    match text {
        "8" => Ok(8),
        "9" => Ok(9),
        "10" => Ok(10),
        "11" => Ok(11),
        "12" => Ok(12),
        "13" => Ok(13),
        "14" => Ok(14),
        "15" => Ok(15),
        _ => Err(BadExtensions::DeflateParameters),
    }
}

impl fmt::Display for BadExtensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the Sec-WebSocket-Extensions header is malformed",
            Self::NotOffered => "an extension was answered that was not offered",
            Self::Repeated => "permessage-deflate was answered twice",
            Self::DeflateParameters => "the parameters of permessage-deflate are not valid",
        })
    }
}

/// One element of the header: a name and parameters.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl<'a> Extension<'a> {
    fn parse(element: &'a str) -> Result<Self, BadExtensions> {
        let mut parts = split(element, b';');
        let name = parts.next().filter(|name| is_token(name)).ok_or(BadExtensions::Malformed)?;
        let parameters = parts.map(parameter).collect::<Result<_, _>>()?;
        Ok(Self { name, parameters })
    }

    fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn offers_client_window(&self) -> bool {
        self.is_named(PERMESSAGE_DEFLATE) && self.parameters.iter().any(|(name, _)| *name == "client_max_window_bits")
    }
}

/// `token [ "=" ( token | quoted-string ) ]`, where what is quoted is a token too.
fn parameter(text: &str) -> Result<(&str, Option<Cow<'_, str>>), BadExtensions> {
    let (name, value) = match text.split_once('=') {
        None => (text, None),
        Some((name, value)) => (name.trim_end(), Some(unquote(value.trim_start()))),
    };
    if is_token(name) && value.as_deref().is_none_or(is_token) {
        Ok((name, value))
    } else {
        Err(BadExtensions::Malformed)
    }
}

/// The text of a quoted string; any other text as it stands.
fn unquote(text: &str) -> Cow<'_, str> {
    let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !quoted.contains('\\') {
        return Cow::Borrowed(quoted);
    }
    let mut unescaped = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        unescaped.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(unescaped)
}

/// Every element of every line of the header.
fn parse(headers: &HeaderMap) -> Result<Vec<Extension<'_>>, BadExtensions> {
    let mut extensions = vec![];
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let line = line.to_str().map_err(|_| BadExtensions::Malformed)?;
        for element in elements(line) {
            extensions.push(Extension::parse(element)?);
        }
    }
    Ok(extensions)
}

/// The elements of one line; empty ones are skipped (RFC 9110 §5.6.1.2).
fn elements(line: &str) -> impl Iterator<Item = &str> {
    split(line, b',').filter(|element| !element.is_empty())
}

/// The parts between separators that are not quoted, trimmed.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    // Text that is cut at ASCII is text.
    split_unquoted(text.as_bytes(), separator).filter_map(|part| str::from_utf8(part).ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn agreed(offer: &[&str], answer: &[&str]) -> Result<Extensions, BadExtensions> {
        Extensions::agreed(&headers(offer), &headers(answer))
    }

    const BROWSER: &[&str] = &["permessage-deflate; client_max_window_bits"];

    #[test]
    fn agrees_on_nothing_when_nothing_is_answered() {
        assert_eq!(agreed(&[], &[]), Ok(Extensions::None));
        assert_eq!(agreed(BROWSER, &[]), Ok(Extensions::None));
        assert_eq!(agreed(BROWSER, &[" , ,"]), Ok(Extensions::None));
    }

    #[test]
    fn reads_the_parameters_of_deflate() {
        let defaults = DeflateParameters::default();
        assert_eq!(agreed(BROWSER, &["permessage-deflate"]), Ok(Extensions::Deflate(defaults)));
        assert_eq!(agreed(BROWSER, &["Permessage-Deflate"]), Ok(Extensions::Deflate(defaults)));
        let answer = "permessage-deflate;server_no_context_takeover ; client_no_context_takeover; \
                      server_max_window_bits = \"10\"; client_max_window_bits=\"1\\1\"";
        let expected = DeflateParameters {
            client_no_context_takeover: true,
            server_no_context_takeover: true,
            client_max_window_bits: 11,
            server_max_window_bits: 10,
        };
        assert_eq!(agreed(BROWSER, &[answer]), Ok(Extensions::Deflate(expected)));
    }

    #[test]
    fn refuses_parameters_that_deflate_does_not_have() {
        for parameters in [
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "client_max_window_bits",
            "server_no_context_takeover=1",
            "client_no_context_takeover; client_no_context_takeover",
            "memory_level=9",
        ] {
            let answer = format!("permessage-deflate; {parameters}");
            assert_eq!(agreed(BROWSER, &[&answer]), Err(BadExtensions::DeflateParameters), "{answer}");
        }
        let unasked = &["permessage-deflate; client_max_window_bits=10"];
        assert_eq!(agreed(&["permessage-deflate"], unasked), Err(BadExtensions::DeflateParameters));
        let twice = &["permessage-deflate", "permessage-deflate"];
        assert_eq!(agreed(twice, twice), Err(BadExtensions::Repeated));
    }

    #[test]
    fn an_extension_that_we_do_not_know_makes_everything_unknown() {
        let offer = &["foo, permessage-deflate", "bar; x=\"a\""];
        assert_eq!(agreed(offer, &["foo"]), Ok(Extensions::Unknown));
        assert_eq!(agreed(offer, &["permessage-deflate, bar; y"]), Ok(Extensions::Unknown));
        assert_eq!(agreed(offer, &["foo", "permessage-deflate"]), Ok(Extensions::Unknown));
    }

    #[test]
    fn refuses_an_extension_that_nobody_offered() {
        assert_eq!(agreed(&[], &["permessage-deflate"]), Err(BadExtensions::NotOffered));
        assert_eq!(agreed(BROWSER, &["foo"]), Err(BadExtensions::NotOffered));
        assert_eq!(agreed(BROWSER, &["permessage-deflate, foo"]), Err(BadExtensions::NotOffered));
    }

    #[test]
    fn refuses_what_the_grammar_does_not_allow() {
        for line in
            ["a b", ";a", "a;", "a;=1", "a;b=", "a;b=\"", "a;b=\"c d\"", "a;b=\"\"", "a;b=c=d", "(", "a;b=\"c", "é"]
        {
            assert_eq!(Extensions::check_offer(&headers(&[line])), Err(BadExtensions::Malformed), "{line}");
            assert_eq!(agreed(&[line], &["a"]), Err(BadExtensions::Malformed), "{line}");
        }
        for line in ["", ",", "a", "a ; b", "a;b=c", "a; b = c , d", "a;b=\"c\"", "a;b=\"\\c\""] {
            assert_eq!(Extensions::check_offer(&headers(&[line])), Ok(()), "{line}");
        }
    }

    #[test]
    fn takes_compression_and_nothing_else_out_of_an_offer() {
        let cases: &[(&[&str], &[&str])] = &[
            (BROWSER, &[]),
            (&["x-webkit-deflate-frame", "deflate-frame"], &[]),
            (&["foo; a=\"b,permessage-deflate\", permessage-deflate , bar"], &["foo; a=\"b,permessage-deflate\", bar"]),
            (&["PERMESSAGE-deflate; client_max_window_bits, permessage-deflate", "foo"], &["foo"]),
            (&["foo", "bar"], &["foo", "bar"]),
            (&["(broken"], &["(broken"]),
            (&[], &[]),
        ];
        for (offer, left) in cases {
            let mut offer = headers(offer);
            offer.insert("sec-websocket-key", HeaderValue::from_static("untouched"));
            refuse_compression(&mut offer);
            let lines: Vec<_> = offer.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().collect();
            assert_eq!(lines, *left);
            assert_eq!(offer.len(), left.len() + 1);
        }
    }

    #[test]
    fn takes_everything_but_deflate_out_of_an_offer() {
        let cases: &[(&[&str], &[&str])] = &[
            (BROWSER, BROWSER),
            (&["identity, permessage-deflate", "fragment"], &["permessage-deflate"]),
            (&["x-webkit-deflate-frame, deflate-frame, permessage-bzip2"], &[]),
            (
                &["Permessage-Deflate;a=\"b,c\" , foo;d", "permessage-deflate"],
                &["Permessage-Deflate;a=\"b,c\"", "permessage-deflate"],
            ),
            (&["(broken"], &["(broken"]),
            (&[], &[]),
        ];
        for (offer, left) in cases {
            let mut offer = headers(offer);
            refuse_unknown(&mut offer);
            let lines: Vec<_> = offer.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().collect();
            assert_eq!(lines, *left);
        }
    }
}
