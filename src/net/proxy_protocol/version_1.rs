//! Version 1: a line of text.

use ppp::v1::{Addresses, Header};

use super::bad_header::BadProxyHeader;
use super::told_client::ToldClient;

/// What only this version begins with.
pub(super) const FIRST: u8 = b'P';

/// What the first bytes of a line say, once its end is there.
pub(super) fn read(line: &[u8]) -> Result<Option<Option<ToldClient>>, BadProxyHeader> {
    if !line.starts_with(PREFIX) && !PREFIX.starts_with(line) {
        return Err(BadProxyHeader::Missing);
    }
    match line {
        [.., b'\r', b'\n'] => told(line).map(Some),
        [.., b'\n'] | [.., b'\r', _] => Err(BadProxyHeader::LineEnd),
        _ if line.len() >= MOST_BYTES => Err(BadProxyHeader::LineTooLong),
        _ => Ok(None),
    }
}

/// What a whole line says.
fn told(line: &[u8]) -> Result<Option<ToldClient>, BadProxyHeader> {
    let fields = line.strip_suffix(b"\r\n").and_then(|line| line.strip_prefix(PREFIX)).unwrap_or_default();
    if fields == UNKNOWN || fields.strip_prefix(UNKNOWN).is_some_and(|rest| rest.starts_with(b" ")) {
        // Whatever else stands there is ignored.
        return Ok(None);
    }
    // The crate takes a port as Rust does, with a plus.
    if !fields.rsplit(|&byte| byte == b' ').take(2).all(|port| port.iter().all(u8::is_ascii_digit)) {
        return Err(BadProxyHeader::Fields);
    }
    let header = Header::try_from(line).map_err(|_| BadProxyHeader::Fields)?;
    let (source, destination) = match header.addresses {
        Addresses::Tcp4(it) => {
            ((it.source_address, it.source_port).into(), (it.destination_address, it.destination_port).into())
        }
        Addresses::Tcp6(it) => {
            ((it.source_address, it.source_port).into(), (it.destination_address, it.destination_port).into())
        }
        Addresses::Unknown => return Ok(None),
    };
    Ok(Some(ToldClient { source, destination, tls: None }))
}

const PREFIX: &[u8] = b"PROXY ";
const UNKNOWN: &[u8] = b"UNKNOWN";
/// The longest line that there is, with its end (proxy-protocol.txt §2.1).
const MOST_BYTES: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Option<Option<ToldClient>>, BadProxyHeader> {
        read(text.as_bytes())
    }

    fn says(text: &str) -> (String, String) {
        let told = line(text).unwrap().unwrap().unwrap();
        assert_eq!(told.tls, None);
        (told.source.to_string(), told.destination.to_string())
    }

    #[test]
    fn a_line_has_a_family_two_addresses_and_two_ports() {
        for (text, source, destination) in [
            ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n", "192.0.2.1:4711", "10.0.0.1:443"),
            ("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255:65535", "0.0.0.0:0"),
            ("PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n", "[2001:db8::1]:4711", "[fd00::1]:443"),
            ("PROXY TCP6 2001:DB8::1 ::ffff:10.0.0.1 1 2\r\n", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:2"),
        ] {
            assert_eq!(says(text), (source.to_owned(), destination.to_owned()), "{text}");
        }
    }

    #[test]
    fn of_whom_nothing_is_known_nothing_is_told() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(91));
        assert_eq!(longest.len(), MOST_BYTES);
        for text in [
            "PROXY UNKNOWN\r\n",
            "PROXY UNKNOWN ffff:f ffff:f 65535 65535\r\n",
            "PROXY UNKNOWN \u{0}\u{fc} what ever\r\n",
            &longest,
        ] {
            assert_eq!(line(text), Ok(Some(None)), "{text}");
        }
        assert_eq!(read(b"PROXY UNKNOWN \xff\r\n"), Ok(Some(None)));
        assert_eq!(line("PROXY UNKNOWN2\r\n"), Err(BadProxyHeader::Fields));
    }

    #[test]
    fn whatever_else_stands_in_a_line_is_refused() {
        for fields in [
            "",
            "TCP4",
            "TCP4 1.1.1.1 2.2.2.2 1",
            "TCP4 1.1.1.1 2.2.2.2 1 2 3",
            "TCP4 1.1.1.1 2.2.2.2 1 2 ",
            "TCP4  1.1.1.1 2.2.2.2 1 2",
            "TCP4 1.1.1.1  2.2.2.2 1 2",
            "TCP4\t1.1.1.1 2.2.2.2 1 2",
            "tcp4 1.1.1.1 2.2.2.2 1 2",
            "TCP4 1.1.1.1 2.2.2.2 01 2",
            "TCP4 1.1.1.1 2.2.2.2 1 00",
            "TCP4 1.1.1.1 2.2.2.2 +1 2",
            "TCP4 1.1.1.1 2.2.2.2 1 +2",
            "TCP4 1.1.1.1 2.2.2.2 -1 2",
            "TCP4 1.1.1.1 2.2.2.2 65536 2",
            "TCP4 1.1.1.1 2.2.2.2 1 0x2",
            "TCP4 1.1.1.1 2.2.2.2  ",
            "TCP4 01.1.1.1 2.2.2.2 1 2",
            "TCP4 1.1.1 2.2.2.2 1 2",
            "TCP4 1.1.1.1:1 2.2.2.2 1 2",
            "TCP4 1.1.1.256 2.2.2.2 1 2",
            "TCP4 ::1 ::1 1 2",
            "TCP4 ::ffff:1.1.1.1 2.2.2.2 1 2",
            "TCP6 1.1.1.1 2.2.2.2 1 2",
            "TCP6 [::1] ::1 1 2",
            "TCP6 fe80::1%1 ::1 1 2",
            "TCP6 ::1::1 ::1 1 2",
            "UDP4 1.1.1.1 2.2.2.2 1 2",
            "TCP4 1.1.1.1 2.2.2.2 1 2\u{0}",
        ] {
            assert_eq!(line(&format!("PROXY {fields}\r\n")), Err(BadProxyHeader::Fields), "{fields}");
        }
    }

    #[test]
    fn a_line_ends_with_both_and_within_107_bytes() {
        for text in ["PROXY UNKNOWN\n", "PROXY TCP4 1.1.1.1\n", "PROXY UNKNOWN\rx", "PROXY UNKNOWN\r\r"] {
            assert_eq!(line(text), Err(BadProxyHeader::LineEnd), "{text:?}");
        }
        let of_length = |length: usize| format!("PROXY UNKNOWN {}", "f".repeat(length - 14));
        assert_eq!(line(&of_length(106)), Ok(None));
        assert_eq!(line(&of_length(107)), Err(BadProxyHeader::LineTooLong));
    }
}
