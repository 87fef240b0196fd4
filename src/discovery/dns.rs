//! The addresses of a name: each is an endpoint, called by its address and the port.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use super::endpoint_set::{EndpointSet, SetError};
use crate::config::{EndpointAddress, EndpointRole, EndpointSettings};

/// The endpoints at these addresses, whichever order they come in.
///
/// # Errors
/// They are too many, or one of them is there twice.
pub fn endpoints_at(addresses: Vec<IpAddr>, port: u16) -> Result<EndpointSet, SetError> {
    let endpoint = |address: IpAddr| {
        // A mapped address is IPv4's (RFC 4291 §2.5.5.2).
        let address = SocketAddr::new(address.to_canonical(), port);
        EndpointSettings {
            name: address.to_string().as_str().into(),
            address: EndpointAddress::Socket(address),
            weight: NonZeroU32::MIN,
            role: EndpointRole::Ready,
        }
    };
    EndpointSet::new(addresses.into_iter().map(endpoint).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_an_endpoint_that_is_called_by_it() {
        let addresses = ["10.0.0.2", "fd00::1", "10.0.0.1"].map(|it| it.parse().unwrap());
        let set = endpoints_at(addresses.to_vec(), 8080).unwrap();
        let names: Vec<_> = set.endpoints().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"]);
        for endpoint in set.endpoints() {
            assert_eq!(endpoint.address.to_string(), endpoint.name.as_str());
            assert_eq!((endpoint.weight.get(), endpoint.role), (1, EndpointRole::Ready));
        }
        let backwards = addresses.iter().rev().copied().collect();
        assert_eq!(endpoints_at(backwards, 8080).unwrap(), set);
    }

    #[test]
    fn an_address_in_two_spellings_is_one_address_twice() {
        let addresses = ["10.0.0.1", "::ffff:10.0.0.1"].map(|it| it.parse().unwrap());
        assert!(endpoints_at(addresses.to_vec(), 80).is_err());
    }
}
