//! Reading a header as it comes, piece by piece: bytes in, and how many of them are the header's out.
//!
//! However a stream is cut, the same bytes are taken and the same comes of it. What cannot become a header any more is refused
//! by its first byte that says so.

use super::bad_header::BadProxyHeader;
use super::told_client::ToldClient;
use super::{version_1, version_2};

/// A header that is on its way.
#[derive(Debug, Default)]
pub struct HeaderReader {
    /// What has come of it; not its end.
    header: Vec<u8>,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it is the header's, and there is more to come.
    All,
    /// So many bytes were the last of the header. It tells of a client, or that there is none but the sender.
    Last(usize, Option<ToldClient>),
}

impl HeaderReader {
    /// Takes the next bytes of the stream. After the last, or an error, there is nothing more to be read.
    ///
    /// # Errors
    /// What came is no header.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Taken, BadProxyHeader> {
        for (count, byte) in (1..).zip(bytes) {
            self.header.push(*byte);
            if let Some(told) = self.read()? {
                return Ok(Taken::Last(count, told));
            }
        }
        Ok(Taken::All)
    }

    /// Whether anything has come.
    pub fn has_begun(&self) -> bool {
        !self.header.is_empty()
    }

    /// What the header says, once all of it is there.
    fn read(&self) -> Result<Option<Option<ToldClient>>, BadProxyHeader> {
        match self.header.first() {
            Some(&version_1::FIRST) => version_1::read(&self.header),
            _ => version_2::read(&self.header),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::config::ProxyProtocol;
    use crate::net::{ProxiedClient, ProxiedTls, proxy_header};

    /// What comes of a stream that comes `step` bytes at a time, and how many of its bytes were taken.
    fn read(stream: &[u8], step: usize) -> (usize, Result<Option<Option<ToldClient>>, BadProxyHeader>) {
        let (mut reader, mut taken) = (HeaderReader::default(), 0);
        for piece in stream.chunks(step) {
            match reader.take(piece) {
                Ok(Taken::All) => taken += piece.len(),
                Ok(Taken::Last(count, told)) => return (taken + count, Ok(Some(told))),
                Err(bad) => return (0, Err(bad)),
            }
        }
        (taken, Ok(None))
    }

    fn address() -> impl Strategy<Value = std::net::SocketAddr> {
        (any::<std::net::IpAddr>(), any::<u16>()).prop_map(std::net::SocketAddr::from)
    }

    #[test]
    fn what_cannot_become_a_header_is_refused_by_its_first_byte_that_says_so() {
        for (stream, good) in [
            (&b"\x16\x03\x01"[..], 0),
            (b"GET / HTTP/1.1\r\n", 0),
            (b"POST / HTTP/1.1\r\n", 1),
            (b"PROXY\tTCP4", 5),
            (b"proxy TCP4", 0),
            (b"\r\n\r\nGET", 4),
            (b"\r\n\r\n\0\r\nQUIT\r", 11),
        ] {
            assert_eq!(read(&stream[..good], 1), (good, Ok(None)), "{}", stream.escape_ascii());
            assert_eq!(read(&stream[..=good], 1).1, Err(BadProxyHeader::Missing), "{}", stream.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_as_it_was_meant(
            source in address(),
            destination in address(),
            version in select(vec![ProxyProtocol::V1, ProxyProtocol::V2]),
            version_of_tls in prop::option::of(select(vec!["TLSv1.2", "TLSv1.3"])),
            has_certificate: bool,
            behind: Vec<u8>,
            step in 1..64_usize,
        ) {
            let tls = version_of_tls.map(|version| ProxiedTls { version: Some(version), has_certificate });
            let client = ProxiedClient { source, destination, authority: "chat.test", tls: tls.as_ref() };
            let header = proxy_header(version, Some(&client));
            let (taken, told) = read(&[&header[..], &behind].concat(), step);
            prop_assert_eq!(taken, header.len());
            let told = told.unwrap().unwrap().unwrap();
            let is_same = |one: std::net::SocketAddr, other: std::net::SocketAddr| {
                (one.ip().to_canonical(), one.port()) == (other.ip().to_canonical(), other.port())
            };
            prop_assert!(is_same(told.source, source) && is_same(told.destination, destination), "{:?}", told);
            prop_assert_eq!(told.tls, tls.filter(|_| version == ProxyProtocol::V2));
        }

        #[test]
        fn however_a_stream_is_cut_the_same_comes_of_it(
            start in select(vec![
                &b""[..], b"PROXY ", b"PROXY TCP4 1.1.1.1 2.2.2.2 ", b"PROXY UNKNOWN", b"\r\n\r\n\0\r\nQUIT\n",
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x02",
            ]),
            rest: Vec<u8>,
            step in 2..64_usize,
        ) {
            let stream = [start, &rest].concat();
            prop_assert_eq!(read(&stream, step), read(&stream, 1));
        }
    }
}
