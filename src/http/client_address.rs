//! Who the client is, behind the proxies that we trust.
//!
//! Each proxy adds, on the right, the address it was spoken to from. So the list is read from the right, and only as far
//! as the one who wrote an entry is trusted: everything further left may be the client's invention.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::forwarded::{from_the_right, node_address};

/// The client's address: the first one from the right that is not a trusted proxy's, the socket's `peer` counted in.
///
/// An entry that is no address ends the walk at the proxy that wrote it. `Forwarded` (RFC 7239) is read only where there is
/// no `X-Forwarded-For`: a proxy that writes that passes on what its clients say in the other, while hardly one that writes
/// `Forwarded` leaves them `X-Forwarded-For`. IPv4-mapped addresses become IPv4.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if headers.contains_key(&X_FORWARDED_FOR) {
        walk(peer, trusted, x_forwarded_for(headers))
    } else {
        walk(peer, trusted, from_the_right(headers).map(|element| element?.address()))
    }
}

/// Whether a request says on whose behalf it comes.
pub fn says_for_whom(headers: &HeaderMap) -> bool {
    headers.contains_key(&X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}

/// Whether `peer` is one of the proxies whose forwarding headers are believed.
pub fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|net| net.contains(&peer))
}

fn walk(peer: IpAddr, trusted: &[IpNet], from_the_right: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
    let (mut known, mut entries) = (peer.to_canonical(), from_the_right);
    // Nothing of what a stranger says is even looked at.
    while is_trusted(known, trusted) {
        match entries.next() {
            Some(Some(address)) => known = address.to_canonical(),
            _ => break,
        }
    }
    known
}

/// The entries of every line, the last first; `None` for one that is no address.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(&X_FORWARDED_FOR).into_iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    entries.filter(|entry| !entry.is_empty()).map(|entry| node_address(str::from_utf8(entry).ok()?))
}

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn found(peer: &str, name: &'static str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn reads_from_the_right_as_far_as_the_writers_are_trusted() {
        for (peer, lines, expected) in [
            ("192.0.2.9", &["1.1.1.1"][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1", "10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["1.1.1.1, junk"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, junk, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, , "], "1.1.1.1"),
            ("::ffff:10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["1.1.1.1, ::ffff:10.0.0.2"], "1.1.1.1"),
            ("::ffff:192.0.2.9", &["1.1.1.1"], "192.0.2.9"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
        ] {
            assert_eq!(found(peer, "x-forwarded-for", lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn takes_addresses_with_ports_and_brackets() {
        for (entry, expected) in [
            ("1.1.1.1:80", "1.1.1.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[1.1.1.1]", "10.0.0.1"),
            ("1.1.1.1:", "10.0.0.1"),
            ("1.1.1.1:99999", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", "x-forwarded-for", &[entry]), expected, "{entry}");
        }
    }

    #[test]
    fn reads_forwarded_where_there_is_nothing_else() {
        for (line, expected) in [
            ("for=1.1.1.1", "1.1.1.1"),
            ("for=6.6.6.6, For=\"1.1.1.1:80\";proto=https;by=10.0.0.1", "1.1.1.1"),
            ("proto=http; for=\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("for=6.6.6.6, for=1.1.1.1, for=10.0.0.2", "1.1.1.1"),
            ("for=1.1.1.1;host=\"a,for=6.6.6.6\"", "1.1.1.1"),
            ("for=1.1.1.1, for=_hidden", "10.0.0.1"),
            ("for=1.1.1.1, proto=https", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", "forwarded", &[line]), expected, "{line}");
        }
        assert_eq!(found("192.0.2.9", "forwarded", &["for=1.1.1.1"]), "192.0.2.9");
    }

    proptest! {
        #[test]
        fn an_untrusted_peer_is_always_the_client(bytes: Vec<u8>, is_old: bool) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(if is_old { X_FORWARDED_FOR } else { FORWARDED }, value);
            }
            let peer = IpAddr::from([192, 0, 2, 9]);
            prop_assert_eq!(client_address(peer, &headers, &["10.0.0.0/8".parse().unwrap()]), peer);
            client_address(peer, &headers, &["0.0.0.0/0".parse().unwrap()]);
        }
    }
}
