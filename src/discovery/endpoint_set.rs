//! The whole current set of an upstream's endpoints, as a source names it.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use crate::config::{
    EndpointAddress, EndpointName, EndpointRole, EndpointSettings, MOST_ENDPOINTS, SourceSettings, counted,
};

/// The endpoints of an upstream, sorted by name, each under a name and at an address of its own. A copy costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSet(Arc<[EndpointSettings]>);

/// Why some endpoints are no set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetError {
    /// There are more than [`MOST_ENDPOINTS`].
    #[error("there are more than {MOST_ENDPOINTS} endpoints")]
    TooMany,
    /// Fewer stay than `min_endpoints`: so many, and that.
    #[error("{endpoints} would be left, fewer than min_endpoints = {1}", endpoints = counted(*.0, "endpoint"))]
    TooFew(usize, usize),
    /// One has an address that no endpoint can have, and why.
    #[error("{0:?} cannot be an endpoint: {1}")]
    NoAddress(String, String),
    /// One is at a unix socket, where what is asked of endpoints cannot be had: its address, and why.
    #[error("{0} cannot be spoken to as is asked for: {1}")]
    NoUnix(EndpointAddress, &'static str),
    /// Two have one name.
    #[error("two endpoints are called {0}")]
    SameName(EndpointName),
    /// Two are at one address: their names.
    #[error("{0} is the address of both {1} and {2}")]
    SameAddress(EndpointAddress, EndpointName, EndpointName),
}

impl EndpointSet {
    /// The set of these, in whichever order they come.
    ///
    /// # Errors
    /// That they are too many, or that two of them are one.
    pub fn new(mut endpoints: Vec<EndpointSettings>) -> Result<Self, SetError> {
        if endpoints.len() > MOST_ENDPOINTS {
            return Err(SetError::TooMany);
        }
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(twice) = endpoints.array_windows().find_map(|[one, next]| (one.name == next.name).then_some(one)) {
            return Err(SetError::SameName(twice.name.clone()));
        }
        let mut at = HashMap::with_capacity(endpoints.len());
        for endpoint in &endpoints {
            if let Some(earlier) = at.insert(&endpoint.address, &endpoint.name) {
                return Err(SetError::SameAddress(endpoint.address.clone(), earlier.clone(), endpoint.name.clone()));
            }
        }
        Ok(Self(endpoints.into()))
    }

    /// Its endpoints, in the order of their names.
    pub fn endpoints(&self) -> &[EndpointSettings] {
        &self.0
    }

    /// The endpoint of this name.
    pub fn get(&self, name: &EndpointName) -> Option<&EndpointSettings> {
        let index = self.0.binary_search_by(|endpoint| endpoint.name.cmp(name)).ok()?;
        self.0.get(index)
    }

    /// This set, if it can be served as `source` says: enough of it stay, and each can be spoken to.
    ///
    /// # Errors
    /// That they are too few, or who cannot.
    pub fn fit_for(self, source: &SourceSettings) -> Result<Self, SetError> {
        let least = source.min_endpoints;
        let staying = self.0.iter().filter(|endpoint| endpoint.role != EndpointRole::Leaving).count();
        if staying < least {
            return Err(SetError::TooFew(staying, least));
        }
        let is_unix = |endpoint: &&EndpointSettings| matches!(endpoint.address, EndpointAddress::Unix(_));
        match (source.no_unix, self.0.iter().find(is_unix)) {
            (Some(why), Some(unix)) => Err(SetError::NoUnix(unix.address.clone(), why)),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{parse, parse_endpoint};

    fn endpoint(name: &str, address: &str) -> EndpointSettings {
        parse_endpoint(address, Some(name), None, EndpointRole::Ready).unwrap()
    }

    fn fault(endpoints: Vec<EndpointSettings>) -> String {
        EndpointSet::new(endpoints).unwrap_err().to_string()
    }

    #[test]
    fn whatever_is_there_twice_is_refused_whole() {
        let a = endpoint("a", "10.0.0.1:80");
        assert_eq!(fault(vec![a.clone(), endpoint("a", "10.0.0.2:80")]), "two endpoints are called a");
        let twice = fault(vec![endpoint("c", "10.0.0.1:80"), endpoint("b", "10.0.0.2:80"), a]);
        assert_eq!(twice, "10.0.0.1:80 is the address of both a and c");
    }

    #[test]
    fn a_set_is_bounded() {
        let many = |count: usize| (0..count).map(|at| endpoint(&at.to_string(), &format!("a{at}:1"))).collect();
        assert_eq!(EndpointSet::new(many(MOST_ENDPOINTS)).unwrap().endpoints().len(), MOST_ENDPOINTS);
        assert_eq!(fault(many(MOST_ENDPOINTS + 1)), "there are more than 20000 endpoints");
    }

    #[test]
    fn too_few_are_refused_and_who_leaves_does_not_count() {
        let leaving = EndpointSettings { role: EndpointRole::Leaving, ..endpoint("b", "b:1") };
        let backup = EndpointSettings { role: EndpointRole::Backup, ..endpoint("c", "c:1") };
        let set = EndpointSet::new(vec![endpoint("a", "a:1"), leaving, backup]).unwrap();
        assert_eq!(set.clone().fit_for(&source("", 2)).as_ref(), Ok(&set));
        let refused = set.fit_for(&source("", 3)).unwrap_err().to_string();
        assert_eq!(refused, "2 endpoints would be left, fewer than min_endpoints = 3");
    }

    #[test]
    fn what_a_list_may_not_have_beside_other_settings_a_set_may_not_have_either() {
        let set = || EndpointSet::new(vec![endpoint("a", "a:1"), endpoint("b", "unix:/run/b.sock")]).unwrap();
        let health = "health = { probe = \"tcp\", port = 81 }";
        for (settings, problem) in [
            ("", None),
            ("tls = { name = \"app.test\" }", None),
            ("tls = true", Some("tls does not say for which name its certificate is")),
            (health, Some("health has a port, and it has none")),
        ] {
            let fit = set().fit_for(&source(settings, 1)).map(drop).map_err(|refused| refused.to_string());
            let told = problem.map(|why| format!("unix:/run/b.sock cannot be spoken to as is asked for: {why}"));
            assert_eq!(fit.err(), told, "{settings}");
            let without = EndpointSet::new(vec![endpoint("a", "a:1")]).unwrap();
            assert!(without.fit_for(&source(settings, 1)).is_ok(), "{settings}");
        }
    }

    /// The source of an upstream with these settings.
    fn source(settings: &str, min_endpoints: usize) -> SourceSettings {
        let text = format!(
            "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\n{settings}\n\
             endpoints = {{ file = \"set.json\", min_endpoints = {min_endpoints} }}\n"
        );
        let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        settings.upstreams["u"].source.clone().unwrap()
    }

    proptest! {
        #[test]
        fn the_order_means_nothing_and_each_is_found(numbers in prop::collection::btree_set(0_u16..1000, 0..20)) {
            let all: Vec<_> = numbers.iter().map(|at| endpoint(&format!("n{at}"), &format!("10.0.0.1:{}", at + 1))).collect();
            let backwards = all.iter().rev().cloned().collect();
            let set = EndpointSet::new(all.clone()).unwrap();
            prop_assert_eq!(&set, &EndpointSet::new(backwards).unwrap());
            prop_assert!(set.endpoints().is_sorted_by(|one, next| one.name < next.name));
            for endpoint in &all {
                prop_assert_eq!(set.get(&endpoint.name), Some(endpoint));
            }
            prop_assert_eq!(set.get(&"absent".into()), None);
        }
    }
}
