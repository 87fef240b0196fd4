//! What must hold for any file of endpoints. `tests/corpus.rs` calls it too.

use std::collections::HashSet;
use std::fmt::Write;

use windlass::config::MOST_ENDPOINTS;
use windlass::discovery::{EndpointSet, FileFormat, parse_endpoints};

/// A file is refused, or it is a set: bounded, sorted, nothing in it twice; and written down in either format it is the same set.
///
/// The first byte chooses the format.
pub fn endpoints(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let format = if choice & 1 == 0 { FileFormat::Json } else { FileFormat::Toml };
    let Ok(set) = parse_endpoints(text, format) else { return };
    let endpoints = set.endpoints();
    assert!(endpoints.len() <= MOST_ENDPOINTS);
    assert!(endpoints.is_sorted_by(|one, next| one.name < next.name));
    let addresses: HashSet<_> = endpoints.iter().map(|endpoint| &endpoint.address).collect();
    assert_eq!(addresses.len(), endpoints.len());
    assert_eq!(parse_endpoints(written(&set, ": ").as_bytes(), FileFormat::Json).as_ref(), Ok(&set));
    let toml = written(&set, " = ");
    let toml = toml.strip_prefix('{').and_then(|toml| toml.strip_suffix('}')).expect("it is in braces");
    assert_eq!(parse_endpoints(toml.as_bytes(), FileFormat::Toml).as_ref(), Ok(&set));
}

/// What the set is in a file, with this between a key and its value; in TOML the braces around all of it are too many.
fn written(set: &EndpointSet, is: &str) -> String {
    let mut text = format!("{{\"endpoints\"{is}[");
    for (at, endpoint) in set.endpoints().iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let (name, address) = (endpoint.name.as_str(), endpoint.address.to_string());
        // Neither has anything that a string of either format writes otherwise, but for the paths of unix sockets.
        let address = address.replace('\\', "\\\\").replace('"', "\\\"");
        write!(text, "{separator}{{\"address\"{is}\"{address}\"").expect("a string takes everything");
        if endpoint.name.as_str() != endpoint.address.to_string() {
            write!(text, ", \"name\"{is}\"{name}\"").expect("a string takes everything");
        }
        let (weight, state) = (endpoint.weight, endpoint.role.as_str());
        write!(text, ", \"weight\"{is}{weight}, \"state\"{is}\"{state}\"}}").expect("a string takes everything");
    }
    text + "]}"
}
