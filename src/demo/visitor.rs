//! What the query of a request says: as whom a tab speaks, which endpoint a button means.

/// Characters of a tab's name at the most.
const MAX_NAME: usize = 24;

/// The first value of `key` in `query`, percent-decoded.
pub(super) fn parameter(query: Option<&str>, key: &str) -> Option<String> {
    form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

/// The name of the tab that asks, cut to what is short and harmless everywhere it is shown.
pub(super) fn name(query: Option<&str>) -> String {
    let asked = parameter(query, "tab").unwrap_or_default();
    let name: String = asked.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).take(MAX_NAME).collect();
    if name.is_empty() { "somebody".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_harmless() {
        assert_eq!(name(Some("tab=otter-7&x=1")), "otter-7");
        assert_eq!(name(Some("tab=%3Cb%3E%20otter")), "botter");
        assert_eq!(name(Some(&format!("tab={}", "a".repeat(500)))).len(), MAX_NAME);
        assert_eq!(name(Some("tab=")), "somebody");
        assert_eq!(name(None), "somebody");
    }
}
