//! What a route asks of requests beyond host and path.

use toml::de::DeValue;

use super::header_entries::entries;
use crate::config::lists::list;
use crate::config::name_syntax::METHOD;
use crate::config::read::{flag, text};
use crate::config::rule_syntax::HEADER_NAME;
use crate::config::schema::REQUIRED;
use crate::config::tree::{Section, SpannedValue};
use crate::rules::{Conditions, Required};

pub(super) fn conditions(section: &Section<'_>) -> Option<Conditions> {
    let methods = section.try_read("methods", methods, Vec::new());
    let headers = section.try_read("match_headers", |item| entries(item, HEADER_NAME, required), Vec::new());
    let query = section.try_read("match_query", query, Vec::new());
    Some(Conditions { methods: methods?, headers: headers?, query: query? })
}

fn methods(item: &SpannedValue<'_>) -> Option<Vec<http::Method>> {
    let methods = list(text(METHOD), "[\"GET\", \"HEAD\"]")(item)?;
    if methods.is_empty() {
        item.fault("names no method: no request would be served", "name some, or leave it out for all");
    }
    if let Some(lower) = methods.iter().find(|method| method.as_str().bytes().any(|byte| byte.is_ascii_lowercase())) {
        item.location().warn(
            format!("methods are told apart by case, and hardly any client says {lower}"),
            format!("write \"{}\"", lower.as_str().to_ascii_uppercase()),
        );
    }
    Some(methods)
}

fn query(item: &SpannedValue<'_>) -> Option<Vec<(String, Required)>> {
    let Some(entries) = item.entries() else {
        item.fault(format!("must be a table of keys, not {}", item.type_name()), "write { version = \"2\" }");
        return None;
    };
    entries.iter().map(|(key, item)| Some(((*key).to_owned(), required(item)?))).collect()
}

/// A text, or a table with one word of it.
fn required(item: &SpannedValue<'_>) -> Option<Required> {
    let hint = "write \"text\", { prefix = \"te\" }, or { present = true }";
    match item.value() {
        DeValue::String(text) => Some(Required::Exact(text.to_string())),
        DeValue::Table(_) => {
            let section = item.section(&REQUIRED)?;
            let prefix = section.try_read("prefix", word, None);
            let present = section.try_read("present", |item| flag(item).map(Some), None);
            match (prefix?, present?) {
                (Some(prefix), None) => Some(Required::Prefix(prefix)),
                (None, Some(true)) => Some(Required::Present),
                (None, Some(false)) => Some(Required::Absent),
                _ => {
                    item.fault("is either a prefix, or says whether it is there", hint);
                    None
                }
            }
        }
        _ => {
            item.fault(format!("must be a text or a table, not {}", item.type_name()), hint);
            None
        }
    }
}

fn word(item: &SpannedValue<'_>) -> Option<Option<String>> {
    match item.value() {
        DeValue::String(text) => Some(Some(text.to_string())),
        _ => {
            item.fault(format!("must be a text, not {}", item.type_name()), "write it in quotes");
            None
        }
    }
}
