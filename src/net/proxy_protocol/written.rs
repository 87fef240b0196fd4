//! What an endpoint is told of a client before anything else is said over a connection.

use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};

use crate::config::ProxyProtocol;

/// A client, and what it has connected to.
#[derive(Clone, Copy, Debug)]
pub struct ProxiedClient<'c> {
    /// The client's address; its port is 0 where only the address is known.
    pub source: SocketAddr,
    /// Where it has connected to.
    pub destination: SocketAddr,
    /// The host that it has asked for.
    pub authority: &'c str,
    /// What it has agreed on by TLS, where it came over that.
    pub tls: Option<&'c ProxiedTls>,
}

/// What a client that came over TLS has agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxiedTls {
    /// The version, as OpenSSL names it; `None` where nobody has told it.
    pub version: Option<&'static str>,
    /// It has shown a certificate, and that was verified.
    pub has_certificate: bool,
}

/// The header that speaks for `client`; without one it says that the connection is ours, as that of a probe is.
pub fn proxy_header(version: ProxyProtocol, client: Option<&ProxiedClient<'_>>) -> Vec<u8> {
    match (version, client) {
        (ProxyProtocol::V1, None) => v1::Addresses::Unknown.to_string().into_bytes(),
        (ProxyProtocol::V1, Some(client)) => v1::Addresses::from(client.addresses()).to_string().into_bytes(),
        (ProxyProtocol::V2, None) => built(v2::Builder::new(v2::Version::Two | v2::Command::Local, 0)),
        (ProxyProtocol::V2, Some(client)) => built(client.version_2()),
    }
}

impl ProxiedClient<'_> {
    /// Source and destination in one family: where they are of two, IPv4 is written as IPv6 (RFC 4291 §2.5.5.2).
    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        let (source, destination) = (self.source.ip().to_canonical(), self.destination.ip().to_canonical());
        let mapped = |address| match address {
            IpAddr::V4(address) if source.is_ipv4() != destination.is_ipv4() => address.to_ipv6_mapped().into(),
            address => address,
        };
        let with_port = |address, of: SocketAddr| SocketAddr::new(mapped(address), of.port());
        (with_port(source, self.source), with_port(destination, self.destination))
    }

    fn version_2(&self) -> v2::Builder {
        let command = v2::Version::Two | v2::Command::Proxy;
        let mut header = v2::Builder::with_addresses(command, v2::Protocol::Stream, self.addresses());
        if self.tls.is_some() {
            header = with(header, v2::Type::ALPN, HTTP_1_1);
        }
        if !self.authority.is_empty() {
            header = with(header, v2::Type::Authority, self.authority.as_bytes());
        }
        match self.tls {
            Some(tls) => with(header, v2::Type::SSL, &tls.ssl()),
            None => header,
        }
    }
}

impl ProxiedTls {
    /// The value of `PP2_TYPE_SSL`: what is true of the client, whether its certificate is in doubt, and the version.
    fn ssl(&self) -> Vec<u8> {
        let client = if self.has_certificate { SSL | CERTIFICATE_ON_CONNECTION | CERTIFICATE_IN_SESSION } else { SSL };
        // The specification has 0 for "presented and verified" alone.
        let verify = u32::from(!self.has_certificate);
        let mut value = vec![client];
        value.extend(verify.to_be_bytes());
        if let Some(version) = self.version {
            value.push(v2::Type::SSLVersion.into());
            value.extend([0, u8::try_from(version.len()).unwrap_or_default()]);
            value.extend(version.as_bytes());
        }
        value
    }
}

/// What is written here is short: a host's name is at most 255 bytes, what is agreed on by TLS fewer.
fn with(header: v2::Builder, kind: v2::Type, value: &[u8]) -> v2::Builder {
    header.write_tlv(kind, value).expect("far less than 64 KiB is written")
}

fn built(header: v2::Builder) -> Vec<u8> {
    header.build().expect("far less than 64 KiB is written")
}

/// The protocol "in use over the connection" (RFC 7301 §6): listeners with TLS speak no other.
const HTTP_1_1: &[u8] = b"http/1.1";
/// `PP2_CLIENT_SSL`
const SSL: u8 = 0x01;
/// `PP2_CLIENT_CERT_CONN`
const CERTIFICATE_ON_CONNECTION: u8 = 0x02;
/// `PP2_CLIENT_CERT_SESS`
const CERTIFICATE_IN_SESSION: u8 = 0x04;

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn client<'c>(source: &str, destination: &str) -> ProxiedClient<'c> {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        ProxiedClient { source, destination, authority: "", tls: None }
    }

    fn version_1(source: &str, destination: &str) -> String {
        String::from_utf8(proxy_header(ProxyProtocol::V1, Some(&client(source, destination)))).unwrap()
    }

    fn version_2(client: &ProxiedClient<'_>) -> Vec<u8> {
        let header = proxy_header(ProxyProtocol::V2, Some(client));
        header.strip_prefix(SIGNATURE).unwrap().to_vec()
    }

    #[test]
    fn version_1_is_a_line() {
        for (source, destination, line) in [
            ("192.0.2.1:4711", "10.0.0.1:443", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"),
            ("[::ffff:192.0.2.1]:4711", "[::ffff:10.0.0.1]:443", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"),
            ("[2001:db8::1]:4711", "[fd00::1]:443", "PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n"),
            ("192.0.2.1:0", "[fd00::1]:443", "PROXY TCP6 ::ffff:192.0.2.1 fd00::1 0 443\r\n"),
        ] {
            assert_eq!(version_1(source, destination), line);
        }
        assert_eq!(proxy_header(ProxyProtocol::V1, None), b"PROXY UNKNOWN\r\n");
    }

    #[test]
    fn version_2_has_the_addresses_in_bytes() {
        let header = version_2(&client("192.0.2.1:4711", "10.0.0.1:443"));
        // Version 2 and PROXY, TCP over IPv4, 12 bytes.
        assert_eq!(header, [0x21, 0x11, 0, 12, 192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb]);
        let header = version_2(&client("192.0.2.1:0", "[fd00::1]:443"));
        assert_eq!(header[..4], [0x21, 0x21, 0, 36]);
        assert_eq!(header[4..20], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!((&header[20..22], &header[36..]), (&[0xfd, 0][..], &[0, 0, 0x01, 0xbb][..]));
    }

    #[test]
    fn version_2_says_what_the_client_asked_for_and_how_it_came() {
        let plain = ProxiedClient { authority: "chat.test", ..client("192.0.2.1:1", "10.0.0.1:2") };
        assert_eq!(version_2(&plain)[16..], *b"\x02\x00\x09chat.test");
        for (has_certificate, flags, verify) in [(false, 1, 1), (true, 7, 0)] {
            let tls = ProxiedTls { version: Some("TLSv1.3"), has_certificate };
            let header = version_2(&ProxiedClient { tls: Some(&tls), ..plain });
            let ssl = [b"\x20\x00\x0f".as_slice(), &[flags, 0, 0, 0, verify], b"\x21\x00\x07TLSv1.3"].concat();
            let expected = [b"\x01\x00\x08http/1.1\x02\x00\x09chat.test".as_slice(), &ssl].concat();
            assert_eq!(header[16..], expected);
            assert_eq!(usize::from(u16::from_be_bytes([header[2], header[3]])), 12 + expected.len());
        }
    }

    #[test]
    fn a_probe_speaks_for_nobody() {
        assert_eq!(proxy_header(ProxyProtocol::V2, None), [SIGNATURE, &[0x20, 0x00, 0, 0]].concat());
    }
}
