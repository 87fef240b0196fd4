//! Texts with variables in braces: `{client_ip}`, `{header:x-user}`; a brace itself is written twice.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};

/// A text with variables, fit for a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Variable(Variable),
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The client's address.
    ClientIp,
    /// The name of the request, where its route gives it one.
    RequestId,
    /// The name of the route.
    Route,
    /// The Host that was asked for.
    Host,
    /// `http` or `https`: how the client came to us.
    Scheme,
    /// The method.
    Method,
    /// The path, as the client sent it.
    Path,
    /// The name that the client has asked for in its TLS handshake.
    Sni,
    /// The first line of this header, as the client sent it.
    Header(HeaderName),
    /// What its token says under this name.
    Claim(Box<str>),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// A brace that is not closed, or was not opened.
    LoneBrace,
    /// There is no such variable.
    Unknown(String),
    /// What follows `header:` is no name of a header.
    NotAHeader(String),
    /// It has a character that no header's value may have.
    NotAValue(char),
}

impl Template {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        if let Some(bad) = text.chars().find(|c| *c != '\t' && !c.is_ascii_graphic() && *c != ' ') {
            return Err(TemplateFault::NotAValue(bad));
        }
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, brace, behind)) = split_at_brace(rest) {
            plain.push_str(before);
            if let Some(behind) = behind.strip_prefix(brace) {
                plain.push(brace);
                rest = behind;
                continue;
            }
            let (name, behind) = behind.split_once('}').filter(|_| brace == '{').ok_or(TemplateFault::LoneBrace)?;
            pieces.extend((!plain.is_empty()).then(|| Piece::Text(std::mem::take(&mut plain).into())));
            pieces.push(Piece::Variable(Variable::parse(name)?));
            rest = behind;
        }
        plain.push_str(rest);
        pieces.extend((!plain.is_empty()).then(|| Piece::Text(plain.into())));
        Ok(Self(pieces))
    }

    /// The text, where `value` knows what its variables are; one that is absent, or fit for no header, is the empty text.
    pub fn render<'v>(&self, value: &impl Fn(&Variable) -> Option<Cow<'v, [u8]>>) -> Option<HeaderValue> {
        let mut text = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.extend_from_slice(plain.as_bytes()),
                Piece::Variable(variable) => {
                    let said = value(variable).filter(|said| HeaderValue::from_bytes(said).is_ok());
                    text.extend_from_slice(&said.unwrap_or_default());
                }
            }
        }
        HeaderValue::from_bytes(&text).ok()
    }

    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Text(_) => None,
        })
    }
}

impl Variable {
    fn parse(name: &str) -> Result<Self, TemplateFault> {
        Ok(match name {
            "client_ip" => Self::ClientIp,
            "request_id" => Self::RequestId,
            "route" => Self::Route,
            "host" => Self::Host,
            "scheme" => Self::Scheme,
            "method" => Self::Method,
            "path" => Self::Path,
            "sni" => Self::Sni,
            _ if let Some(claim) = name.strip_prefix("claim:").filter(|claim| !claim.is_empty()) => {
                Self::Claim(claim.into())
            }
            _ => match name.strip_prefix("header:") {
                Some(header) => HeaderName::from_bytes(header.as_bytes())
                    .map(Self::Header)
                    .map_err(|_| TemplateFault::NotAHeader(header.to_owned()))?,
                None => return Err(TemplateFault::Unknown(name.to_owned())),
            },
        })
    }

    /// How each is written.
    pub const WORDS: [&'static str; 10] =
        ["client_ip", "request_id", "route", "host", "scheme", "method", "path", "sni", "header:NAME", "claim:NAME"];
}

/// What stands before the first brace, the brace, and what stands behind it.
fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let (at, brace) = text.char_indices().find(|(_, c)| matches!(c, '{' | '}'))?;
    Some((text.get(..at)?, brace, text.get(at + brace.len_utf8()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(text: &str) -> String {
        let value = |variable: &Variable| match variable {
            Variable::ClientIp => Some(Cow::Borrowed(&b"192.0.2.1"[..])),
            Variable::Claim(name) if &**name == "bad" => Some(Cow::Borrowed(&b"a\r\nx: y"[..])),
            Variable::Claim(name) => Some(Cow::Owned(name.as_bytes().to_vec())),
            Variable::Header(name) => Some(Cow::Owned(name.as_str().as_bytes().to_vec())),
            _ => None,
        };
        Template::parse(text).unwrap().render(&value).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn variables_stand_in_braces_and_braces_are_written_twice() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{client_ip}", "192.0.2.1"),
            ("for={client_ip};by", "for=192.0.2.1;by"),
            ("{{{client_ip}}}", "{192.0.2.1}"),
            ("{{client_ip}}", "{client_ip}"),
            ("{header:X-User}!", "x-user!"),
            ("[{request_id}]", "[]"),
            ("{claim:realm.Roles}{sni}", "realm.Roles"),
            ("[{claim:bad}]", "[]"),
        ] {
            assert_eq!(rendered(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_told_apart() {
        for (text, fault) in [
            ("{client_ip", TemplateFault::LoneBrace),
            ("client_ip}", TemplateFault::LoneBrace),
            ("{client-ip}", TemplateFault::Unknown("client-ip".into())),
            ("{}", TemplateFault::Unknown(String::new())),
            ("{header:}", TemplateFault::NotAHeader(String::new())),
            ("{claim:}", TemplateFault::Unknown("claim:".into())),
            ("{header:a b}", TemplateFault::NotAHeader("a b".into())),
            ("a\r\nb", TemplateFault::NotAValue('\r')),
            ("é", TemplateFault::NotAValue('é')),
        ] {
            assert_eq!(Template::parse(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_says_is_a_value_or_none(text in "[a-z{}:_ \\r\\n]{0,30}", said: Vec<u8>) {
            if let Ok(template) = Template::parse(&text)
                && let Some(value) = template.render(&|_| Some(Cow::Borrowed(&*said)))
            {
                prop_assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    }
}
