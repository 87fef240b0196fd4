//! What `/etc/hosts` says (hosts(5)).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The names of `/etc/hosts`.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, Vec<IpAddr>>);

impl Hosts {
    /// Reads the file's text; lines that make no sense are passed over, as the system does.
    pub(super) fn parse(text: &str) -> Self {
        let mut names = HashMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(address) = words.next().and_then(|address| address.parse::<IpAddr>().ok()) else { continue };
            for name in words {
                let addresses = names.entry(plain(name)).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        Self(names)
    }

    /// The addresses of a name, if it is there. `localhost` and what is below it is always this machine (RFC 6761 §6.3).
    pub(super) fn find(&self, name: &str) -> Option<Vec<IpAddr>> {
        let name = plain(name);
        let is_local = name == "localhost" || name.ends_with(".localhost");
        self.0.get(&name).cloned().or_else(|| is_local.then(|| vec![LOOPBACK_V6, LOOPBACK_V4]))
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

const LOOPBACK_V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str) -> Option<Vec<String>> {
        Hosts::parse(text).find(name).map(|addresses| addresses.iter().map(IpAddr::to_string).collect())
    }

    #[test]
    fn a_name_has_all_its_lines_in_their_order() {
        let text = "10.0.0.2 app.test app # the app\nnonsense app\n10.0.0.1\tother APP.test.\nfe80::1%eth0 app\n10.0.0.2 app.test\n";
        assert_eq!(found(text, "App.Test").unwrap(), ["10.0.0.2", "10.0.0.1"]);
        assert_eq!(found(text, "app").unwrap(), ["10.0.0.2"]);
        assert_eq!(found(text, "the"), None);
        assert_eq!(found("", "app"), None);
    }

    #[test]
    fn localhost_is_this_machine_whatever_the_file_lacks() {
        assert_eq!(found("", "localhost").unwrap(), ["::1", "127.0.0.1"]);
        assert_eq!(found("", "app.localhost.").unwrap(), ["::1", "127.0.0.1"]);
        assert_eq!(found("127.0.0.1 localhost", "localhost").unwrap(), ["127.0.0.1"]);
        assert_eq!(found("", "notlocalhost"), None);
    }
}
