//! `allow` and `deny`: which clients a route lets in.

use super::client_addresses::network_of;
use super::ledger::{Ledger, Reason};
use super::scope::Scope;
use crate::import::syntax::Directive;

/// What a list of `allow` and `deny` means, of which the first counts that a client is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) allowed: Vec<String>,
    pub(super) denied: Vec<String>,
    /// Whether nobody is let in.
    pub(super) denies_all: bool,
}

impl Addresses {
    /// What counts in `scope`.
    ///
    /// # Errors
    /// Why it cannot be said; the directives are told of.
    pub(super) fn of(scope: &Scope<'_>, ledger: &Ledger) -> Result<Self, Reason> {
        let rules = scope.all_of(&["allow", "deny"]);
        match read(&rules) {
            Ok(addresses) => {
                rules.iter().for_each(|rule| ledger.carried(rule));
                Ok(addresses)
            }
            Err(why) => {
                let reason = Reason::new(
                    why,
                    "write allowed_clients and denied_clients in [route.NAME]: what is denied is not allowed",
                );
                rules.iter().for_each(|rule| ledger.left_because(rule, reason.clone()));
                Err(reason)
            }
        }
    }
}

fn read(rules: &[&Directive]) -> Result<Addresses, &'static str> {
    let mut addresses = Addresses::default();
    let mut denied_later = false;
    for rule in rules {
        let is_allowed = rule.name() == "allow";
        match rule.value() {
            Some("all") if is_allowed => {
                // Everybody who was not denied before: who was allowed before is one of them.
                return if denied_later { Err(EXCEPTIONS) } else { Ok(Addresses { allowed: Vec::new(), ..addresses }) };
            }
            Some("all") => {
                // What was denied behind an `allow` is denied by this, too.
                addresses.denies_all = addresses.allowed.is_empty();
                return Ok(addresses);
            }
            Some(text) => {
                let network = network_of(text).ok_or("an address of it is neither an address nor a network")?;
                match (is_allowed, addresses.allowed.is_empty()) {
                    (true, _) => addresses.allowed.push(network),
                    (false, true) => addresses.denied.push(network),
                    (false, false) => denied_later = true,
                }
            }
            None => return Err("is no address"),
        }
    }
    // Whoever is in none of them is let in.
    if denied_later { Err(EXCEPTIONS) } else { Ok(Addresses { allowed: Vec::new(), ..addresses }) }
}

const EXCEPTIONS: &str = "an exception from what is denied cannot be said: what is denied is not allowed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};

    fn said(source: &str) -> String {
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        match read(&tree.iter().collect::<Vec<_>>()) {
            Ok(Addresses { denies_all: true, .. }) => "nobody".into(),
            Ok(Addresses { allowed, denied, .. }) => format!("+{} -{}", allowed.join(","), denied.join(",")),
            Err(why) => why.into(),
        }
    }

    #[test]
    fn the_first_that_a_client_is_in_counts() {
        for (source, here) in [
            ("", "+ -"),
            ("allow all;", "+ -"),
            ("deny all;", "nobody"),
            ("allow 10.0.0.0/8; allow ::1; deny all;", "+10.0.0.0/8,::1 -"),
            ("deny 192.0.2.1;", "+ -192.0.2.1"),
            ("deny 192.0.2.0/24; allow all;", "+ -192.0.2.0/24"),
            ("deny 10.9.0.0/16; allow 10.0.0.0/8; deny all;", "+10.0.0.0/8 -10.9.0.0/16"),
            ("allow 10.0.0.1; deny 10.0.0.0/8; deny all;", "+10.0.0.1 -"),
            ("allow 10.0.0.1/8; deny all;", "+10.0.0.0/8 -"),
            ("deny 192.0.2.1; deny all; allow 10.0.0.1;", "nobody"),
        ] {
            assert_eq!(said(source), here, "{source}");
        }
        assert_eq!(said("allow 10.0.0.1; deny 10.0.0.0/8;"), EXCEPTIONS);
        assert_eq!(said("allow 10.0.0.1; deny 10.0.0.0/8; allow all;"), EXCEPTIONS);
        assert!(said("allow unix:; deny all;").contains("neither"));
    }
}
