//! Which address is every address of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Every address of both families, where one socket can have both; else every address of IPv4.
pub fn everywhere() -> IpAddr {
    if has_both_families() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// Whether a socket of IPv6 takes IPv4 too, as `ListeningSocket::bind` opens one (`net.ipv6.bindv6only`, and whether there is IPv6 at all).
fn has_both_families() -> bool {
    let any_port = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP));
    socket.is_ok_and(|socket| socket.only_v6().is_ok_and(|only| !only) && socket.bind(&any_port.into()).is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::net::ListeningSocket;

    #[test]
    fn whoever_comes_by_either_family_comes_in() {
        let socket = ListeningSocket::bind((everywhere(), 0).into()).unwrap();
        let port = socket.address().port();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        assert_eq!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)).is_ok(), everywhere().is_ipv6());
    }
}
