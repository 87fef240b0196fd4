//! What a file says in its own words: each key with its value, for a log that tells how one file differs from another.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ranges::text_within;

/// Each key of a file, by its whole path, and its value as it is written. A path is no text: a name may have dots.
#[derive(Clone, Debug, Default)]
pub struct Written(BTreeMap<Vec<String>, String>);

impl Written {
    pub(super) fn new(table: &DeTable<'_>, source: &str) -> Self {
        let mut written = Self::default();
        written.note(table, &[], source);
        written
    }

    /// How `new` differs from this below `section`, such as `idle_timeout: default → 1h`; in the order of the keys. Of what may hold a
    /// credential, no more than that it differs.
    pub fn changes(&self, new: &Self, section: &[&str]) -> Vec<String> {
        let below = |written: &'_ Self| -> BTreeMap<String, String> {
            let keys = written.0.iter();
            keys.filter_map(|(key, value)| Some((below(key, section)?.join("."), value.clone()))).collect()
        };
        let (old, new) = (below(self), below(new));
        let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let value = |of: &BTreeMap<String, String>, key: &String| of.get(key).map_or("default".into(), String::clone);
        let differs = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
        let tell = |key: &String| match is_untold(section, key) {
            true => format!("{key}: another value"),
            false => format!("{key}: {} → {}", value(&old, key), value(&new, key)),
        };
        differs.map(tell).collect()
    }

    fn note(&mut self, table: &DeTable<'_>, path: &[String], source: &str) {
        for (key, value) in table {
            self.note_value(value, [path, &[key.get_ref().to_string()]].concat(), source);
        }
    }

    fn note_value(&mut self, value: &Spanned<DeValue<'_>>, key: Vec<String>, source: &str) {
        match value.get_ref() {
            DeValue::Table(table) => self.note(table, &key, source),
            DeValue::String(text) => {
                self.0.insert(key, short(text));
            }
            _ => {
                self.0.insert(key, short(text_within(source, value.span())));
            }
        }
    }
}

/// The path below `section`, where it is there; all of it, where that is the section itself.
fn below<'k>(key: &'k [String], section: &[&str]) -> Option<&'k [String]> {
    let (path, rest) = key.split_at_checked(section.len())?;
    let is_there = path.iter().eq(section);
    is_there.then_some(if rest.is_empty() { key } else { rest })
}

/// Whether the value of `key` below `section` may hold a credential, for all that there are files for those: the query of a URL, a header.
fn is_untold(section: &[&str], key: &str) -> bool {
    section == ["traces"] && (key == "endpoint" || key == "headers" || key.starts_with("headers."))
}

/// A value on one line, of a length that can be read.
fn short(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.get(..line.floor_char_boundary(MOST)) {
        Some(beginning) if beginning.len() < line.len() => format!("{beginning}…"),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(source: &str) -> Written {
        Written::new(DeTable::parse(source).unwrap().get_ref(), source)
    }

    #[test]
    fn says_each_key_that_differs_with_both_values() {
        let old = written("workers = 2\n[drain]\nclose_code = 1012\n[drain.stop]\nspread = \"1s\"\n[drains]\nx = 1");
        let new = written("workers = 4\n[drain]\nstop = { spread = '2s', delay = \"1s\" }\n[drains]\nx = 2");
        let expected = ["close_code: 1012 → default", "stop.delay: default → 1s", "stop.spread: 1s → 2s"];
        assert_eq!(old.changes(&new, &["drain"]), expected);
        assert_eq!(old.changes(&new, &["workers"]), ["workers: 2 → 4"]);
        assert_eq!(old.changes(&old, &["drain"]), Vec::<String>::new());
    }

    #[test]
    fn what_may_hold_a_credential_is_told_to_differ_and_not_how() {
        let old = written(
            "[traces]\nendpoint = \"https://a.example/?api-key=hush\"\nsample = 0.1\nheaders = { x-team = \"hush\" }",
        );
        let new = written("[traces]\nsample = 0.2\n[traces.headers]\nx-team = \"other\"");
        let expected = ["endpoint: another value", "headers.x-team: another value", "sample: 0.1 → 0.2"];
        assert_eq!(old.changes(&new, &["traces"]), expected);
    }

    #[test]
    fn a_name_with_dots_is_no_part_of_another() {
        let old = written("[route.chat]\nupstream = \"a\"\n[route.\"chat.v2\"]\nupstream = \"a\"");
        let new = written("[route.chat]\nupstream = \"b\"\n[route.\"chat.v2\"]\nupstream = \"c\"");
        assert_eq!(old.changes(&new, &["route", "chat"]), ["upstream: a → b"]);
        assert_eq!(old.changes(&new, &["route", "chat.v2"]), ["upstream: a → c"]);
    }

    #[test]
    fn a_long_value_is_said_in_short_and_on_one_line() {
        let list = format!("[route.a]\nhosts = [\n{}]", "\"a.example\",\n".repeat(100));
        let changes = written("").changes(&written(&list), &["route", "a"]);
        assert!(changes[0].starts_with("hosts: default → [ \"a.example\", \"a.example\",") && changes[0].len() < 160);
    }
}
