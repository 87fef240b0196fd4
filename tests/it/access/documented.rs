//! What the documentation shows is a configuration.

use std::path::Path;

use windlass::config;

#[test]
fn every_configuration_in_the_documentation_is_one() {
    for page in ["docs/access.md", "docs/from-nginx.md"] {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks: Vec<_> = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty(), "{page}");
        for block in blocks {
            let settings =
                config::parse(block, Path::new(page)).unwrap_or_else(|problems| panic!("{problems}\n{block}"));
            assert!(settings.warnings.is_empty(), "{}\n{block}", settings.warnings);
        }
    }
}
