//! `Forwarded` (RFC 7239): what each proxy on the way says of the connection that a request came to it by.
//!
//! One element each, the last from the one that speaks to us. What an element says twice, or not by the grammar, says nothing:
//! two readers could take it in two ways.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use http::header::FORWARDED;

use crate::grammar::{is_token, split_unquoted};

/// What one proxy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// `for`: who spoke to it.
    node: Option<Cow<'a, [u8]>>,
    /// `host`: the Host that it was asked for.
    pub(super) host: Option<Cow<'a, [u8]>>,
    /// `proto`: the scheme that it was asked by.
    pub(super) proto: Option<Cow<'a, [u8]>>,
}

/// The elements of every line, the last first; `None` for one that cannot be read.
pub(super) fn from_the_right(headers: &HeaderMap) -> impl Iterator<Item = Option<Element<'_>>> {
    headers.get_all(FORWARDED).into_iter().rev().flat_map(|line| {
        let elements: Vec<_> = split_unquoted(line.as_bytes(), b',').map(<[u8]>::trim_ascii).collect();
        elements.into_iter().rev().filter(|element| !element.is_empty()).map(Element::parse)
    })
}

impl<'a> Element<'a> {
    /// Reads one; `None` if it cannot be read.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let mut element = Self::default();
        let mut names: Vec<&[u8]> = Vec::new();
        for pair in split_unquoted(text, b';').map(<[u8]>::trim_ascii) {
            if names.len() == MOST_PAIRS {
                return None;
            }
            let equals = pair.iter().position(|&byte| byte == b'=')?;
            let (name, value) = pair.split_at_checked(equals)?;
            let value = unquoted(value.strip_prefix(b"=")?)?;
            if !is_token(name) || names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return None;
            }
            names.push(name);
            match () {
                () if name.eq_ignore_ascii_case(b"for") => element.node = Some(value),
                () if name.eq_ignore_ascii_case(b"host") => element.host = Some(value),
                () if name.eq_ignore_ascii_case(b"proto") => element.proto = Some(value),
                () => {}
            }
        }
        Some(element)
    }

    /// The address of who spoke to that proxy; `None` where it hides that, or does not know it (RFC 7239 §6.2-3).
    pub(super) fn address(&self) -> Option<IpAddr> {
        node_address(str::from_utf8(self.node.as_deref()?).ok()?)
    }
}

/// `192.0.2.1`, `[2001:db8::1]`, either with a port, which may be hidden (RFC 7239 §6); an IPv6 address without brackets, too.
pub(super) fn node_address(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    let (name, port) = match node.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (node, None),
    };
    if !port.is_none_or(is_port) {
        return None;
    }
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok().filter(IpAddr::is_ipv4),
    }
}

/// A number, or a name that hides it (RFC 7239 §6).
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(hidden) => {
            !hidden.is_empty() && hidden.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

/// How much a proxy says at the most; RFC 7239 knows of four things, and each name is compared with all before it.
const MOST_PAIRS: usize = 16;

/// The value that a token or a quoted string is (RFC 9110 §5.6.4). Without quotes there are also colons and brackets: many
/// write addresses so.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(rest) = value.strip_prefix(b"\"") else {
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\,;".contains(byte);
        return (!value.is_empty() && value.iter().all(is_plain)).then_some(Cow::Borrowed(value));
    };
    let inner = rest.strip_suffix(b"\"")?;
    if !inner.iter().any(|byte| b"\"\\".contains(byte)) {
        return Some(Cow::Borrowed(inner));
    }
    let mut unescaped = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => unescaped.push(*bytes.next()?),
            b'"' => return None,
            _ => unescaped.push(byte),
        }
    }
    Some(Cow::Owned(unescaped))
}

/// Writes an element behind what is in `line`.
pub(super) fn push_element(line: &mut Vec<u8>, address: Option<IpAddr>, proto: Option<&[u8]>, host: Option<&[u8]>) {
    if !line.is_empty() {
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(b"for=");
    match address {
        Some(IpAddr::V4(address)) => line.extend_from_slice(address.to_string().as_bytes()),
        Some(IpAddr::V6(address)) => line.extend_from_slice(format!("\"[{address}]\"").as_bytes()),
        None => line.extend_from_slice(b"unknown"),
    }
    for (name, value) in [(&b";proto="[..], proto), (b";host=", host)] {
        if let Some(value) = value {
            line.extend_from_slice(name);
            push_value(line, value);
        }
    }
}

fn push_value(line: &mut Vec<u8>, value: &[u8]) {
    if is_token(value) {
        line.extend_from_slice(value);
        return;
    }
    line.push(b'"');
    for byte in value {
        if b"\"\\".contains(byte) {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn addresses(lines: &[&str]) -> Vec<String> {
        let headers = lines.iter().map(|line| (FORWARDED, HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect();
        let said = |element: Option<Element<'_>>| element.map(|element| element.address());
        from_the_right(&headers)
            .map(|element| match said(element) {
                Some(Some(address)) => address.to_string(),
                Some(None) => "hidden".into(),
                None => "broken".into(),
            })
            .collect()
    }

    #[test]
    fn elements_are_read_from_the_right_over_all_lines() {
        let lines = ["for=1.1.1.1, for=2.2.2.2;proto=https", " , for=\"[2001:db8::1]:4711\" ,, "];
        assert_eq!(addresses(&lines), ["2001:db8::1", "2.2.2.2", "1.1.1.1"]);
    }

    #[test]
    fn nodes_have_ports_and_may_be_hidden() {
        for (node, address) in [
            ("192.0.2.43", "192.0.2.43"),
            ("\"192.0.2.43:47011\"", "192.0.2.43"),
            ("192.0.2.43:47011", "192.0.2.43"),
            ("\"192.0.2.43:_gazonk-1.a\"", "192.0.2.43"),
            ("\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
            ("\"[2001:db8:cafe::17]:_x\"", "2001:db8:cafe::17"),
            ("[2001:db8:cafe::17]:4711", "2001:db8:cafe::17"),
            ("\"2001:db8:cafe::17\"", "2001:db8:cafe::17"),
            ("\"192.0.2\\.43\"", "192.0.2.43"),
            ("unknown", "hidden"),
            ("\"unknown:80\"", "hidden"),
            ("_hidden", "hidden"),
            ("_SEVKISEK", "hidden"),
            ("\"192.0.2.43:_\"", "hidden"),
            ("\"192.0.2.43:65536\"", "hidden"),
            ("\"192.0.2.43:+1\"", "hidden"),
            ("\"[192.0.2.43]\"", "hidden"),
            ("\"[2001:db8::1\"", "hidden"),
            ("\"2001:db8::1]\"", "hidden"),
            ("\"\"", "hidden"),
        ] {
            assert_eq!(addresses(&[&format!("for={node}")]), [address], "{node}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for element in [
            "for",
            "for=",
            "for=1.1.1.1;for=2.2.2.2",
            "for=1.1.1.1;FOR=2.2.2.2",
            "for=1.1.1.1;by=a;by=b",
            "for=1.1.1.1;",
            "for =1.1.1.1",
            "for= 1.1.1.1",
            "for=\"1.1.1.1",
            "for=1.1.1.1\"",
            "for=\"1.1.1.1\"x",
            "for=\"1.1\".1.1",
            "for=1.1.1.1 for=2.2.2.2",
            "=1.1.1.1",
            "1.1.1.1",
            "for=\"1.1.1.1\\\"",
        ] {
            assert_eq!(addresses(&[element]), ["broken"], "{element}");
        }
        // A quote that never ends takes the rest of its line with it, not more.
        assert_eq!(addresses(&["for=3.3.3.3", "for=\", for=1.1.1.1", "for=2.2.2.2"]), ["2.2.2.2", "broken", "3.3.3.3"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was_meant(address: Option<IpAddr>, proto in "[ -~]{1,8}", host in "[ -~]{0,20}") {
            let mut line = b"for=10.0.0.1".to_vec();
            push_element(&mut line, address, Some(proto.as_bytes()), Some(host.as_bytes()));
            let headers = HeaderMap::from_iter([(FORWARDED, HeaderValue::from_bytes(&line).unwrap())]);
            let mut elements = from_the_right(&headers);
            let last = elements.next().unwrap().unwrap();
            prop_assert_eq!(last.address(), address);
            prop_assert_eq!(last.proto.as_deref(), Some(proto.as_bytes()));
            prop_assert_eq!(last.host.as_deref(), Some(host.as_bytes()));
            prop_assert_eq!(elements.next().unwrap().unwrap().address(), Some(IpAddr::from([10, 0, 0, 1])));
            prop_assert!(elements.next().is_none());
        }
    }
}
