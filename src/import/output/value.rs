//! How values and keys are written in TOML.

use std::collections::HashSet;
use std::fmt;

use crate::config;

/// What stands behind a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Value>),
    /// A table in one line, in this order.
    Table(Vec<(String, Value)>),
}

impl Value {
    /// A list of different texts: no key takes one of them twice.
    pub(in crate::import) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        let mut seen = HashSet::new();
        Self::List(texts.into_iter().filter(|text| seen.insert(text.clone())).map(Self::Text).collect())
    }

    pub(in crate::import) fn table<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(list) => {
                let elements: Vec<_> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", elements.join(", "))
            }
            Self::Table(entries) => {
                let entries: Vec<_> = entries.iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
                write!(f, "{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// A key, in quotes where it needs them.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// Expressions, whose backslashes would be doubled, stand in single quotes.
fn quoted(text: &str) -> String {
    if text.contains('\\') && !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    config::quoted(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_written_in_one_line() {
        let table = Value::table([("regex", "^/a(\\d)$".into()), ("x.y", Value::Number(1))]);
        let list =
            Value::List(vec![table, Value::Flag(true), Value::texts(["a\"b\n".to_owned(), "a\"b\n".to_owned()])]);
        assert_eq!(list.to_string(), r#"[{ regex = '^/a(\d)$', "x.y" = 1 }, true, ["a\"b\n"]]"#);
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was(text in any::<String>(), name in any::<String>()) {
            let written = format!("{} = {}", key(&name), Value::Text(text.clone()));
            let read: toml::Table = written.parse().unwrap();
            prop_assert_eq!(read.get(&name).and_then(|it| it.as_str()), Some(text.as_str()), "{}", written);
        }
    }
}
