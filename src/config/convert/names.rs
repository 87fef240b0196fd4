//! The names that a file gives to its things.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::config::name_syntax::is_name;
use crate::config::schema::TableSchema;
use crate::config::tree::Section;

/// What a route can refer to. A thing with a problem is in here as well: it is there, and will be right some day.
pub(in crate::config) struct Names<'a> {
    pub(super) listeners: Vec<&'a str>,
    pub(super) upstreams: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub(in crate::config) fn of(file: &Section<'a>) -> Self {
        Self { listeners: file.names("listener"), upstreams: file.names("upstream") }
    }
}

/// The tables `[what.NAME]`; a problem where there is none, or where a name is one that logs could not show.
pub(super) fn at_least_one<'a>(
    file: &Section<'a>,
    what: &'static str,
    schema: &'static TableSchema,
    example: &str,
) -> Vec<(&'a str, Section<'a>)> {
    if file.is_without(what) {
        file.missing(what, format!("there is no {what}"), example);
    }
    named(file, what, schema)
}

/// The tables `[what.NAME]`, if there are any; a problem where a name is one that logs could not show.
pub(super) fn named<'a>(
    file: &Section<'a>,
    what: &'static str,
    schema: &'static TableSchema,
) -> Vec<(&'a str, Section<'a>)> {
    let named = file.named(what, schema);
    for (name, section) in &named {
        if !is_name(name) {
            section.location().fault("is not a name", "use letters, digits, `-`, `_` and `.`");
        }
    }
    named
}

/// What was seen so far, and where, for things that may be there only once.
pub(super) struct Earlier<T>(HashMap<T, String>);

impl<T: Eq + Hash> Earlier<T> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The key of an earlier `thing` that is the same; remembers this one otherwise.
    pub(super) fn note(&mut self, thing: T, key: &str) -> Option<&str> {
        match self.0.entry(thing) {
            Entry::Occupied(earlier) => Some(earlier.into_mut()),
            Entry::Vacant(free) => {
                free.insert(key.to_owned());
                None
            }
        }
    }
}
