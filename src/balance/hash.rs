//! The stable hashes behind every placement: XXH64 with seeds that never change.

use std::net::{IpAddr, Ipv6Addr};

use xxhash_rust::xxh64::xxh64;

/// What decides where a request is placed: equal keys find the same endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AffinityKey(u64);

impl AffinityKey {
    /// The key of a text that the client sent.
    ///
    /// Where it stood does not count: a Socket.IO client that names its user in a header while it polls, and in the
    /// query when it upgrades (a browser can set no header there), must find the same endpoint.
    pub fn of_value(value: &[u8]) -> Self {
        Self(xxh64(value, VALUE_SEED))
    }

    /// The key of a client's address; an IPv4 address and its IPv4-mapped IPv6 form are the same client.
    pub fn of_address(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => xxh64(&v4.octets(), ADDRESS_SEED),
            IpAddr::V6(v6) => xxh64(&v6.octets(), ADDRESS_SEED),
        })
    }

    /// A key that nobody has, of 64 random bits: what it means is drawn by lot, each endpoint as likely as its weight.
    pub fn of_lot(bits: u64) -> Self {
        Self(bits)
    }

    /// The key of the client at an address: of IPv6 its /64 counts, of which one client has every address and takes a new one
    /// each day (RFC 8981).
    pub fn of_client(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::of_address(v4.into()),
            IpAddr::V6(v6) => Self::of_address(Ipv6Addr::from_bits(v6.to_bits() & NETWORK_OF_A_CLIENT).into()),
        }
    }

    /// The key as a number, for logs and for other hashes.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// The hash of an endpoint's name. Its upstream does not count, nor its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointIdentity(u64);

impl EndpointIdentity {
    /// The identity of the endpoint called `name`.
    pub fn of(name: &str) -> Self {
        Self(xxh64(name.as_bytes(), ENDPOINT_SEED))
    }

    /// The identity as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// The evenly spread 64 bits of one key at each endpoint: XXH64 of the 16 bytes of both, the key's first.
///
/// XXH64 takes eight bytes at a time, so what the key makes of its state is the same for every endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairing(u64);

impl Pairing {
    /// What there is of the hashes before any endpoint is known.
    pub(super) fn of(key: AffinityKey) -> Self {
        Self(absorb(PAIR_SEED.wrapping_add(PRIME_5).wrapping_add(16), key.0))
    }

    /// The hash of the key and this endpoint.
    #[inline]
    pub(super) fn at(self, identity: EndpointIdentity) -> u64 {
        let mut hash = absorb(self.0, identity.0);
        hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
        hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
        hash ^ (hash >> 32)
    }
}

/// The state of an XXH64 of less than 32 bytes after eight more.
#[inline]
fn absorb(state: u64, bytes: u64) -> u64 {
    let round = bytes.wrapping_mul(PRIME_2).rotate_left(31).wrapping_mul(PRIME_1);
    (state ^ round).rotate_left(27).wrapping_mul(PRIME_1).wrapping_add(PRIME_4)
}

/// The 64 bits that a pin token shows of an endpoint and its upstream; not its identity, so that a token tells nothing of
/// hashes. Neither name can have the NUL between them.
pub(super) fn pin(upstream: &str, endpoint: &str) -> u64 {
    xxh64(&[upstream.as_bytes(), b"\0", endpoint.as_bytes()].concat(), PIN_SEED)
}

/// The first 64 bits of an address: what a network gives to one client (RFC 6177 §2).
const NETWORK_OF_A_CLIENT: u128 = !0 << 64;

// One seed for each thing that is hashed, so that equal bytes of two kinds are strangers.
const VALUE_SEED: u64 = u64::from_le_bytes(*b"wl.value");
const ADDRESS_SEED: u64 = u64::from_le_bytes(*b"wl.addrs");
const ENDPOINT_SEED: u64 = u64::from_le_bytes(*b"wl.endpt");
const PAIR_SEED: u64 = u64::from_le_bytes(*b"wl.pairs");
const PIN_SEED: u64 = u64::from_le_bytes(*b"wl.pinto");

// The primes of XXH64.
const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> AffinityKey {
        AffinityKey::of_address(text.parse().unwrap())
    }

    #[test]
    fn golden_vectors_of_the_hashes() {
        let found = [
            AffinityKey::of_value(b"").get(),
            AffinityKey::of_value(b"alice").get(),
            address("192.0.2.1").get(),
            address("2001:db8::1").get(),
            EndpointIdentity::of("10.0.0.11:8080").get(),
            EndpointIdentity::of("a").get(),
            Pairing::of(AffinityKey::of_value(b"alice")).at(EndpointIdentity::of("a")),
            pin("chat", "a"),
        ];
        assert_eq!(
            found,
            [
                0x793083cf95c3a096,
                0x0479df312aa883ce,
                0x8df2e8395f449859,
                0xbf3451a7c0cb191c,
                0x2e7c43e60c71025d,
                0x8f5d0c9124dd59c2,
                0xbb42410f6af46a27,
                0x29ce25e15b6d4a25
            ]
        );
    }

    fn client(text: &str) -> AffinityKey {
        AffinityKey::of_client(text.parse().unwrap())
    }

    #[test]
    fn golden_vectors_of_the_clients() {
        let found = ["192.0.2.1", "2001:db8::1", "2001:db8:0:1::1", "fe80::1"].map(|text| client(text).get());
        assert_eq!(found, [0x8df2e8395f449859, 0xd92b701fc9dbd128, 0xdc2b1a4f2003a14f, 0x797e50e668f32cd1]);
    }

    #[test]
    fn a_client_of_ipv6_is_its_network() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:ffff:ffff:ffff"));
        assert_eq!(client("2001:db8::1"), address("2001:db8::"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
    }

    #[test]
    fn a_client_of_ipv4_is_its_address_however_it_is_written() {
        assert_eq!(client("192.0.2.1"), address("192.0.2.1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("::ffff:192.0.2.1"), client("::ffff:192.0.2.2"));
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn equal_bytes_of_two_kinds_are_strangers() {
        assert_ne!(AffinityKey::of_value(&[192, 0, 2, 1]), address("192.0.2.1"));
        assert_ne!(AffinityKey::of_value(b"a").get(), EndpointIdentity::of("a").get());
        assert_ne!(pin("chat", "a"), EndpointIdentity::of("a").get());
    }

    proptest! {
        #[test]
        fn a_pairing_is_the_hash_of_both(key: u64, identity: u64) {
            let bytes = [key.to_le_bytes(), identity.to_le_bytes()].concat();
            let paired = Pairing::of(AffinityKey(key)).at(EndpointIdentity(identity));
            prop_assert_eq!(paired, xxh64(&bytes, PAIR_SEED));
        }
    }
}
