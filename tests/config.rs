//! The configuration: the examples are valid, the reference is complete and true, and mistakes are explained.

use std::path::Path;

use windlass::config;

#[test]
fn the_smallest_file_is_enough() {
    let settings = config::load(Path::new("config/minimal.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    let listener = &settings.listeners["public"];
    assert_eq!(listener.tls.as_ref().unwrap().certificates[0].chain, Path::new("config/chat.pem"));
    assert_eq!(settings.routes["chat"].upstream.as_str(), "chat");
    assert_eq!(settings.upstreams["chat"].endpoints.len(), 2);
}
