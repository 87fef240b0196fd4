//! Texts of clients, as much of them as is kept.

/// The beginning of a text, where it is longer than so many bytes.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.get(..text.floor_char_boundary(most)) {
        Some(beginning) if beginning.len() < text.len() => format!("{beginning}…"),
        _ => text.to_owned(),
    }
}
