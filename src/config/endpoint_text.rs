//! One endpoint as it is written elsewhere than in the configuration, by the same rules.

use std::num::NonZeroU32;

use super::address_syntax::ENDPOINT_ADDRESS;
use super::defaults;
use super::name_syntax::NAME;
use super::settings::{EndpointRole, EndpointSettings};
use super::syntax::SyntaxError;

/// The endpoint at `address`; it is called by that where it has no name of its own.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn parse_endpoint(
    address: &str,
    name: Option<&str>,
    weight: Option<u64>,
    role: EndpointRole,
) -> Result<EndpointSettings, SyntaxError> {
    let address = (ENDPOINT_ADDRESS.parse)(address).map_err(|error| error.or_write(ENDPOINT_ADDRESS.example))?;
    let name = match name {
        Some(name) => (NAME.parse)(name).map_err(|error| error.or_write(NAME.example))?,
        None => address.to_string(),
    };
    let weight = weight.map_or(Some(defaults::WEIGHT), |weight| {
        u32::try_from(weight).ok().filter(|weight| *weight <= MOST_WEIGHT).and_then(NonZeroU32::new)
    });
    let weight = weight.ok_or_else(|| format!("the weight of {name} is not 1 to {MOST_WEIGHT}"))?;
    Ok(EndpointSettings { name: name.as_str().into(), address, weight, role })
}

/// The largest weight of an endpoint.
pub(super) const MOST_WEIGHT: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_itself_is_held_to_the_rules_of_the_configuration() {
        let of = |address, name, weight| parse_endpoint(address, name, weight, EndpointRole::Ready);
        let endpoint = of("APP.internal:80", None, None).unwrap();
        assert_eq!((endpoint.name.as_str(), endpoint.weight.get()), ("app.internal:80", 1));
        assert_eq!(of("a:1", Some("b"), Some(1_000_000)).unwrap().weight.get(), 1_000_000);
        for (address, name, weight, said) in [
            ("http://a:1", None, None, "is a URL; write only host and port"),
            ("a:1", Some("a b"), None, "\"a b\" is not a name; write letters"),
            ("a:1", None, Some(0), "the weight of a:1 is not 1 to 1000000"),
            ("a:1", None, Some(1_000_001), "is not 1 to"),
            ("a:1", None, Some(u64::MAX), "is not 1 to"),
        ] {
            let error = of(address, name, weight).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
