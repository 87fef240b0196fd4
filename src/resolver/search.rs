//! Which names are asked for, for one that is written (resolv.conf(5): `search`, `ndots`).

use hickory_resolver::proto::rr::Name;

use super::error::LookupError;

/// How names are completed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// What is appended, in this order.
    pub(super) domains: Vec<Name>,
    /// A name with so many dots is asked for as it is first.
    pub(super) ndots: usize,
}

impl Search {
    /// The names to ask for, in this order; one that ends with a dot is complete.
    ///
    /// # Errors
    /// It is no name of DNS.
    pub(super) fn candidates(&self, host: &str) -> Result<Vec<Name>, LookupError> {
        let name = Name::from_ascii(host).map_err(|error| LookupError::NotAsked(error.to_string()))?;
        if name.is_fqdn() {
            return Ok(vec![name]);
        }
        let mut as_it_is = name.clone();
        as_it_is.set_fqdn(true);
        // One that becomes too long is none.
        let completed = self.domains.iter().filter_map(|domain| name.clone().append_domain(domain).ok());
        let mut names = vec![as_it_is];
        if host.matches('.').count() >= self.ndots {
            names.extend(completed);
        } else {
            names.splice(0..0, completed);
        }
        names.iter_mut().for_each(|name| name.set_fqdn(true));
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn asked(host: &str, domains: &[&str], ndots: usize) -> Vec<String> {
        let domains = domains.iter().map(|domain| Name::from_str(domain).unwrap()).collect();
        let names = Search { domains, ndots }.candidates(host).unwrap();
        assert!(names.iter().all(Name::is_fqdn));
        names.iter().map(Name::to_ascii).collect()
    }

    #[test]
    fn names_are_completed_as_a_pod_of_kubernetes_expects() {
        let domains = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local."];
        assert_eq!(
            asked("app", &domains, 5),
            ["app.shop.svc.cluster.local.", "app.svc.cluster.local.", "app.cluster.local.", "app."]
        );
        assert_eq!(asked("app.shop.svc", &domains, 5)[2], "app.shop.svc.cluster.local.");
        assert_eq!(asked("app.example.com.", &domains, 5), ["app.example.com."]);
    }

    #[test]
    fn a_name_with_enough_dots_is_asked_for_as_it_is_first() {
        assert_eq!(asked("app.example.com", &["lan"], 1), ["app.example.com.", "app.example.com.lan."]);
        assert_eq!(asked("app", &["lan"], 1), ["app.lan.", "app."]);
        assert_eq!(asked("app", &[], 1), ["app."]);
    }

    #[test]
    fn a_name_that_becomes_too_long_is_not_asked_for() {
        let long = ["a"; 120].join(".");
        assert_eq!(asked(&long, &["a-domain-that-is-too-long"], 1).len(), 1);
        assert!(Search::default().candidates(&"a".repeat(64)).is_err());
    }
}
