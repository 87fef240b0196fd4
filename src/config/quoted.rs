//! Texts as TOML has them between quotes.

use std::fmt::Write;

/// The text as a basic string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use toml::de::{DeTable, DeValue};

    use super::*;

    proptest! {
        #[test]
        fn what_is_quoted_is_read_as_it_was(text in ".{0,30}|[\\x00-\\x7f\"\\\\]{0,10}") {
            let source = format!("text = {}", quoted(&text));
            let table = DeTable::parse(&source).unwrap();
            let Some(DeValue::String(read)) = table.get_ref().get("text").map(|it| it.get_ref()) else { panic!("{source}") };
            prop_assert_eq!(&**read, &*text);
        }
    }
}
