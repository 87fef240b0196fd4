//! In which order the addresses of a name are tried (RFC 8305 §4).

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

/// Addresses interleaved by family; IPv6 is first where this machine has a way to them. Within a family the order stays: a server
/// may rotate what it answers.
pub(super) fn in_order(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    interleaved(addresses, has_route)
}

fn interleaved(addresses: Vec<IpAddr>, has_route: impl Fn(IpAddr) -> bool) -> Vec<IpAddr> {
    let mut unique = Vec::with_capacity(addresses.len().min(MOST_ADDRESSES));
    for address in addresses {
        // A mapped address is IPv4's (RFC 4291 §2.5.5.2).
        let address = address.to_canonical();
        if unique.len() < MOST_ADDRESSES && !unique.contains(&address) {
            unique.push(address);
        }
    }
    let (six, four): (Vec<_>, Vec<_>) = unique.into_iter().partition(IpAddr::is_ipv6);
    let six_first = four.is_empty() || six.first().is_some_and(|address| has_route(*address));
    let (first, second) = if six_first { (six, four) } else { (four, six) };
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Whether this machine has a way to an address: a connected UDP socket asks the routing table, and sends nothing.
fn has_route(address: IpAddr) -> bool {
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect(SocketAddr::new(address, 9))).is_ok()
}

/// So many addresses of a name are tried at the most; a source of endpoints takes them all.
const MOST_ADDRESSES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(addresses: &[&str], has_route: bool) -> Vec<String> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        interleaved(addresses, |_| has_route).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn families_take_turns_and_the_order_within_one_stays() {
        let answer = ["10.0.0.3", "10.0.0.1", "10.0.0.2", "fd00::2", "fd00::1"];
        assert_eq!(ordered(&answer, true), ["fd00::2", "10.0.0.3", "fd00::1", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(ordered(&answer, false), ["10.0.0.3", "fd00::2", "10.0.0.1", "fd00::1", "10.0.0.2"]);
    }

    #[test]
    fn an_address_is_tried_once_and_so_many_at_the_most() {
        assert_eq!(ordered(&["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1"], true), ["10.0.0.1"]);
        assert_eq!(ordered(&["fd00::1"], false), ["fd00::1"]);
        assert_eq!(ordered(&[], true), [""; 0]);
        let many: Vec<_> = (0..100).map(|last| format!("10.0.0.{last}")).collect();
        assert_eq!(ordered(&many.iter().map(String::as_str).collect::<Vec<_>>(), true).len(), MOST_ADDRESSES);
    }

    #[test]
    fn the_routing_table_is_asked() {
        // Where the machine has IPv6 at all, it has a way to itself; it has none to an address that no interface may have.
        let has_ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        assert_eq!(has_route(IpAddr::V6(Ipv6Addr::LOCALHOST)), has_ipv6);
    }
}
