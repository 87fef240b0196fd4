//! The spanned tree of a TOML file, and the list of what is wrong with it.
//!
//! Reading never stops at a problem: it is noted with its place, and the reader goes on with the next key. So a value
//! that could not be read is `None` here, which means "already reported", never "not written".

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::positions::Positions;
use super::problem::{Problem, Problems, SourceLocation};
use super::schema::TableSchema;
use super::settings::NamedFiles;
use super::warning::{Warning, Warnings};

/// The problems of one file, and what else is found on the way.
pub(super) struct Report<'a> {
    file: &'a Path,
    positions: Positions<'a>,
    /// [`MOST_SAID`] of them at the most: nobody reads what is wrong with each line of a log.
    found: RefCell<Vec<Problem>>,
    /// How many more there are.
    unsaid: Cell<usize>,
    warned: RefCell<Vec<Warning>>,
    named: RefCell<NamedFiles>,
}

/// What a [`Report`] has noted.
pub(super) struct Noted {
    /// The problems, if there are any.
    pub(super) checked: Result<(), Problems>,
    pub(super) warnings: Warnings,
    /// Those that are named, also by a table with a problem.
    pub(super) named: NamedFiles,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, source: &'a str) -> Self {
        Self {
            file,
            positions: Positions::of(source),
            found: RefCell::default(),
            unsaid: Cell::default(),
            warned: RefCell::default(),
            named: RefCell::default(),
        }
    }

    /// The folder of the file, where relative paths in it start.
    pub(super) fn folder(&self) -> &'a Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Notes a file that this one names.
    pub(super) fn note_named(&self, note: impl FnOnce(&mut NamedFiles)) {
        note(&mut self.named.borrow_mut());
    }

    /// `Ok` where nothing is wrong.
    pub(super) fn finish(self) -> Result<(), Problems> {
        self.into_noted().checked
    }

    /// Everything that was noted.
    pub(super) fn into_noted(self) -> Noted {
        let Self { found, unsaid, warned, named, .. } = self;
        Noted {
            checked: Problems::check(found.into_inner()).map_err(|problems| problems.and_unsaid(unsaid.get())),
            warnings: Warnings::default().and(warned.into_inner()),
            named: named.into_inner(),
        }
    }
}

/// A place in the file where a problem can be noted.
#[derive(Clone)]
pub(super) struct Location<'a> {
    report: &'a Report<'a>,
    key: String,
    span: Range<usize>,
}

impl<'a> Location<'a> {
    pub(super) fn new(report: &'a Report<'a>, key: impl Into<String>, span: Range<usize>) -> Self {
        Self { report, key: key.into(), span }
    }

    /// Something at or below this one.
    fn below(&self, key: String, span: Range<usize>) -> Self {
        Self { report: self.report, key, span }
    }

    /// The key `key` of the table that this is.
    pub(super) fn child(&self, key: &str, span: Range<usize>) -> Self {
        let is_bare = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        let key = if is_bare { key.to_owned() } else { format!("{key:?}") };
        self.below(if self.key.is_empty() { key } else { format!("{}.{key}", self.key) }, span)
    }

    /// The element `index` of the list that this is.
    pub(super) fn element(&self, index: usize, span: Range<usize>) -> Self {
        self.below(format!("{}[{index}]", self.key), span)
    }

    /// Notes a problem here.
    pub(super) fn fault(&self, problem: impl Into<String>, hint: impl Into<String>) {
        self.fault_at(self.source(), problem, hint);
    }

    /// Notes a problem at a place of the same file.
    pub(super) fn fault_at(&self, place: SourceLocation, problem: impl Into<String>, hint: impl Into<String>) {
        let mut found = self.report.found.borrow_mut();
        if found.len() < MOST_SAID {
            found.push(Problem::new(place, problem, hint));
        } else {
            self.report.unsaid.update(|unsaid| unsaid + 1);
        }
    }

    /// Notes that what stands here is allowed, and odd.
    pub(super) fn warn(&self, problem: impl Into<String>, hint: impl Into<String>) {
        self.report.warned.borrow_mut().push(Warning::new(self.source(), problem, hint));
    }

    pub(super) fn source(&self) -> SourceLocation {
        let Report { file, positions, .. } = self.report;
        let position = Some(positions.at(self.span.start));
        SourceLocation { file: file.to_path_buf(), position, key: self.key.clone() }
    }

    /// The dotted key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn report(&self) -> &'a Report<'a> {
        self.report
    }
}

/// A table with known keys; one that is not written is an empty one.
pub(super) struct Section<'a> {
    location: Location<'a>,
    schema: &'static TableSchema,
    table: Option<&'a DeTable<'a>>,
}

impl<'a> Section<'a> {
    /// Takes `table` as one of `schema`, and notes each key that is unknown there.
    pub(super) fn new(location: Location<'a>, schema: &'static TableSchema, table: &'a DeTable<'a>) -> Self {
        for key in table.keys().filter(|key| !schema.keys.contains(&key.as_ref().as_ref())) {
            location.child(key.as_ref(), key.span()).fault("is an unknown key", schema.hint_for_unknown(key.as_ref()));
        }
        Self::of_some(location, schema, table)
    }

    /// Takes `table` as one of `schema`, whatever else stands in it.
    pub(super) fn of_some(location: Location<'a>, schema: &'static TableSchema, table: &'a DeTable<'a>) -> Self {
        Self { location, schema, table: Some(table) }
    }

    /// The value of `key`, if it is written.
    pub(super) fn item(&self, key: &'static str) -> Option<SpannedValue<'a>> {
        debug_assert!(
            self.schema.keys.contains(&key),
            "`{key}` is missing from the known keys of [{}]",
            self.schema.path
        );
        let value = self.table?.get(key)?;
        Some(SpannedValue {
            location: self.location.child(key, value.span()),
            value: value.get_ref(),
            can_be_off: false,
        })
    }

    /// The value of `key` as `reader` reads it, `default` where it is not written, `None` where it is wrong.
    pub(super) fn try_read<T>(
        &self,
        key: &'static str,
        reader: impl Fn(&SpannedValue<'a>) -> Option<T>,
        default: T,
    ) -> Option<T> {
        self.item(key).map_or(Some(default), |item| reader(&item))
    }

    /// The value of `key` as `reader` reads it; `default` where it is not written, and as a stand-in where it is wrong.
    pub(super) fn read<T: Clone>(
        &self,
        key: &'static str,
        reader: impl Fn(&SpannedValue<'a>) -> Option<T>,
        default: T,
    ) -> T {
        self.try_read(key, reader, default.clone()).unwrap_or(default)
    }

    /// The value of `key`, which must be written; `example` is such a line.
    pub(super) fn require<T>(
        &self,
        key: &'static str,
        reader: impl FnOnce(&SpannedValue<'a>) -> Option<T>,
        example: &str,
    ) -> Option<T> {
        let item = self.item(key);
        if item.is_none() {
            self.missing(key, "is missing", example);
        }
        reader(&item?)
    }

    /// Notes that `key` is not written; `example` is such a line.
    pub(super) fn missing(&self, key: &'static str, problem: impl Into<String>, example: &str) {
        self.location.child(key, self.location.span.clone()).fault(problem, format!("add {example}"));
    }

    /// The table at `key`.
    pub(super) fn section(&self, key: &'static str, schema: &'static TableSchema) -> Section<'a> {
        self.item(key).and_then(|item| item.section(schema)).unwrap_or_else(|| self.without(key, schema))
    }

    /// The table at `key`, as if it were not written.
    pub(super) fn without(&self, key: &'static str, schema: &'static TableSchema) -> Section<'a> {
        Section { location: self.location.child(key, self.location.span.clone()), schema, table: None }
    }

    /// The tables at `key`, each with its name.
    pub(super) fn named(&self, key: &'static str, schema: &'static TableSchema) -> Vec<(&'a str, Section<'a>)> {
        let Some(item) = self.item(key) else { return Vec::new() };
        let DeValue::Table(table) = item.value else {
            item.fault(
                format!("must be tables with names, not {}", item.type_name()),
                format!("write [{}]", schema.path),
            );
            return Vec::new();
        };
        let named = |(name, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let location = item.location.child(name.as_ref(), name.span());
            let name = name.as_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) => return Some((name, Section::new(location, schema, table))),
                _ if schema.keys.contains(&name) => {
                    location
                        .fault(format!("stands outside of a named {key}"), format!("put it below [{}]", schema.path));
                }
                _ => location.fault("must be a table", format!("write [{}]", location.key())),
            }
            None
        };
        table.iter().filter_map(named).collect()
    }

    /// What stands in the tables at `key`, sound or not.
    pub(super) fn named_quietly(&self, key: &'static str) -> impl Iterator<Item = &'a DeTable<'a>> {
        let table = self.item(key).and_then(|item| item.value.as_table());
        table.into_iter().flat_map(DeTable::values).filter_map(|value| value.get_ref().as_table())
    }

    /// The names of the tables at `key`, sound or not.
    pub(super) fn names(&self, key: &'static str) -> Vec<&'a str> {
        let table = self.item(key).and_then(|item| item.value.as_table());
        table.into_iter().flat_map(DeTable::keys).map(|name| name.as_ref().as_ref()).collect()
    }

    /// The elements of the list that `path` leads to.
    pub(super) fn elements_of(&self, path: &[&str]) -> Vec<SpannedValue<'a>> {
        let (mut location, mut value) = (self.location.clone(), None);
        let mut table = self.table;
        for key in path {
            value = table.and_then(|table| table.get(*key)).map(Spanned::get_ref);
            table = value.and_then(DeValue::as_table);
            location = location.child(key, 0..0);
        }
        let elements = value.and_then(DeValue::as_array).into_iter().flat_map(|array| array.iter().enumerate());
        let element = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| SpannedValue {
            location: location.element(index, value.span()),
            value: value.get_ref(),
            can_be_off: false,
        };
        elements.map(element).collect()
    }

    /// The place of what `path` leads to, or as far as it is written.
    pub(super) fn location_of(&self, path: &[&str]) -> Location<'a> {
        let (mut location, mut table) = (self.location.clone(), self.table);
        for key in path {
            let Some((written, value)) = table.and_then(|table| table.get_key_value(*key)) else { break };
            table = value.get_ref().as_table();
            // A table is where its name is.
            location = location.child(key, if table.is_some() { written.span() } else { value.span() });
        }
        location
    }

    /// Whether `key` is not written, or is a table with nothing in it.
    pub(super) fn is_without(&self, key: &'static str) -> bool {
        self.item(key).is_none_or(|item| item.value.as_table().is_some_and(|table| table.is_empty()))
    }

    /// Whether `key` is written.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.item(key).is_some()
    }

    /// Where the table stands.
    pub(super) fn location(&self) -> &Location<'a> {
        &self.location
    }
}

/// A value with its place.
#[derive(Clone)]
pub(super) struct SpannedValue<'a> {
    location: Location<'a>,
    value: &'a DeValue<'a>,
    can_be_off: bool,
}

impl<'a> SpannedValue<'a> {
    /// The same, in hints that also offer `"off"`.
    pub(super) fn or_off(&self) -> Self {
        Self { can_be_off: true, ..self.clone() }
    }

    /// Notes a problem with this value.
    pub(super) fn fault(&self, problem: impl Into<String>, hint: impl Into<String>) {
        let off = if self.can_be_off { ", or \"off\"" } else { "" };
        self.location.fault(problem, hint.into() + off);
    }

    /// The elements, if this is an array.
    pub(super) fn elements(&self) -> Option<Vec<SpannedValue<'a>>> {
        let array = self.value.as_array()?;
        let element = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| SpannedValue {
            location: self.location.element(index, value.span()),
            value: value.get_ref(),
            can_be_off: false,
        };
        Some(array.iter().enumerate().map(element).collect())
    }

    /// Keys that are an operator's own, each with its place, and what stands there; if this is a table.
    pub(super) fn entries(&self) -> Option<Vec<(&'a str, SpannedValue<'a>)>> {
        let entry = |(key, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let location = self.location.child(key.as_ref(), value.span());
            (key.as_ref().as_ref(), SpannedValue { location, value: value.get_ref(), can_be_off: false })
        };
        Some(self.value.as_table()?.iter().map(entry).collect())
    }

    /// The table that this is; a problem where it is none.
    pub(super) fn section(&self, schema: &'static TableSchema) -> Option<Section<'a>> {
        let DeValue::Table(table) = self.value else {
            let hint = format!("its keys are {}", schema.keys.join(", "));
            self.fault(format!("must be a table, not {}", self.type_name()), hint);
            return None;
        };
        Some(Section::new(self.location.clone(), schema, table))
    }

    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value
    }

    /// Where the value stands.
    pub(super) fn location(&self) -> &Location<'a> {
        &self.location
    }

    /// What the value is, with its article.
    pub(super) fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// Whether `reader` would read `text` without a problem, if it stood in a file.
pub(super) fn is_taken<T>(text: &str, reader: impl Fn(&SpannedValue<'_>) -> Option<T>) -> bool {
    let report = Report::new(Path::new(""), "");
    let value = DeValue::String(text.into());
    let read = reader(&SpannedValue { location: Location::new(&report, "", 0..0), value: &value, can_be_off: false });
    read.is_some() && report.finish().is_ok()
}

/// How many problems of a file are said.
const MOST_SAID: usize = 100;
