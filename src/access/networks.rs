//! Whether a client's address is one that may ask.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::ClientSettings;

/// Whether a client may ask, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientVerdict {
    /// It may.
    Allowed,
    /// It is one of those that may not.
    Denied,
    /// It is none of those that may.
    NotAllowed,
}

/// Judges a client by its address, as far as that can be believed. What comes over IPv4 is compared as that, whichever family its
/// socket is of.
pub fn judge_client(settings: &ClientSettings, client: IpAddr) -> ClientVerdict {
    let ClientSettings { allowed, denied } = settings;
    if allowed.is_none() && denied.is_empty() {
        return ClientVerdict::Allowed;
    }
    let client = client.to_canonical();
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&client));
    match allowed {
        _ if is_in(denied) => ClientVerdict::Denied,
        Some(allowed) if !is_in(allowed) => ClientVerdict::NotAllowed,
        _ => ClientVerdict::Allowed,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn settings(allowed: Option<&[&str]>, denied: &[&str]) -> ClientSettings {
        let networks = |list: &[&str]| list.iter().map(|network| network.parse().unwrap()).collect();
        ClientSettings { allowed: allowed.map(networks), denied: networks(denied) }
    }

    fn verdict(settings: &ClientSettings, client: &str) -> ClientVerdict {
        judge_client(settings, client.parse().unwrap())
    }

    #[test]
    fn what_is_denied_is_not_allowed() {
        let settings = settings(Some(&["10.0.0.0/8", "fd00::/8"]), &["10.1.0.0/16", "fd00::1/128"]);
        for (client, expected) in [
            ("10.2.0.1", ClientVerdict::Allowed),
            ("10.1.0.1", ClientVerdict::Denied),
            ("192.0.2.1", ClientVerdict::NotAllowed),
            ("fd00::2", ClientVerdict::Allowed),
            ("fd00::1", ClientVerdict::Denied),
            ("2001:db8::1", ClientVerdict::NotAllowed),
            ("::ffff:10.2.0.1", ClientVerdict::Allowed),
            ("::ffff:10.1.0.1", ClientVerdict::Denied),
        ] {
            assert_eq!(verdict(&settings, client), expected, "{client}");
        }
    }

    #[test]
    fn without_a_list_everybody_may_ask_who_is_not_denied() {
        assert_eq!(verdict(&settings(None, &[]), "192.0.2.1"), ClientVerdict::Allowed);
        let settings = settings(None, &["192.0.2.0/24"]);
        assert_eq!(verdict(&settings, "192.0.2.1"), ClientVerdict::Denied);
        assert_eq!(verdict(&settings, "::ffff:c000:201"), ClientVerdict::Denied);
        assert_eq!(verdict(&settings, "192.0.3.1"), ClientVerdict::Allowed);
    }

    fn network() -> impl Strategy<Value = IpNet> {
        // Few bits, so that they meet.
        (0..8_u8, 24..=32_u8)
            .prop_map(|(last, prefix)| IpNet::new(Ipv4Addr::new(10, 0, 0, last).into(), prefix).unwrap().trunc())
    }

    proptest! {
        #[test]
        fn an_address_is_judged_bit_by_bit(
            allowed in prop::option::of(prop::collection::vec(network(), 1..4)),
            denied in prop::collection::vec(network(), 0..4),
            last in 0..16_u8,
        ) {
            let client = Ipv4Addr::new(10, 0, 0, last);
            let is_in = |networks: &[IpNet]| networks.iter().any(|network| {
                let IpNet::V4(network) = network else { return false };
                let ignored = 32 - u32::from(network.prefix_len());
                u32::from(client) >> ignored == u32::from(network.addr()) >> ignored
            });
            let expected = if is_in(&denied) {
                ClientVerdict::Denied
            } else if allowed.as_ref().is_some_and(|allowed| !is_in(allowed)) {
                ClientVerdict::NotAllowed
            } else {
                ClientVerdict::Allowed
            };
            let settings = ClientSettings { allowed, denied };
            prop_assert_eq!(judge_client(&settings, client.into()), expected);
            prop_assert_eq!(judge_client(&settings, client.to_ipv6_mapped().into()), expected);
        }
    }
}
