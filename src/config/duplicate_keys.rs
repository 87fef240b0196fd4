//! Keys and tables that are written twice: what they are called, and where the first one stands.
//!
//! The parser says only where the second stands. So that one gets a name of its own here, and the text is parsed again:
//! what stands beside it under the old name is the first. What is written twice only because its table is (a `bind` in the
//! second `[listener.p]`) is no problem of its own: it ends with that of the table.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::positions::Positions;
use super::tree::{Location, Report};
use crate::ranges::text_within;

/// What the parser says of a key that is there already.
pub(super) const DUPLICATE: &str = "duplicate key";

/// Notes a problem for each key at `spans` of `source`, but for those that are there already only in the first of two tables.
pub(super) fn fault_duplicates(report: &Report<'_>, source: &str, mut spans: Vec<Range<usize>>) {
    spans.sort_by_key(|span| span.start);
    let seconds: Vec<_> = spans.into_iter().map(|span| Second::of(source, span)).collect();
    let renamed = Renamed::of(source, &seconds);
    let (tree, _) = DeTable::parse_recoverable(&renamed.text);
    let mut search = Search { seconds, renamed: &renamed, positions: Positions::of(&renamed.text) };
    search.look(&Location::new(report, "", 0..0), tree.get_ref(), false);
    for Second { span, name, found } in search.seconds {
        let hint = how_to_part(source, &name, &span);
        match found {
            Found::Beside(location, line) => location.fault(format!("is written twice, first in line {line}"), hint),
            Found::InAnother => {}
            Found::Nowhere => Location::new(report, name, span).fault("is written twice", hint),
        }
    }
}

/// What to do about the second `name`, at `span`.
fn how_to_part(source: &str, name: &str, span: &Range<usize>) -> String {
    let before = text_within(source, ..span.start);
    if ["listener", "route", "upstream"].contains(&name) && before.trim_end().ends_with("[[") {
        return format!("write [{name}.NAME] with a NAME of its own instead of [[{name}]]");
    }
    "keep one, or give one another name".into()
}

/// A key that is there already.
struct Second<'a> {
    span: Range<usize>,
    name: String,
    found: Found<'a>,
}

/// Where it turns up under a name of its own.
enum Found<'a> {
    /// Beside the first, which is in this line.
    Beside(Location<'a>, usize),
    /// Alone in a table that is itself written twice.
    InAnother,
    /// Not there, such as below a table that may not be extended.
    Nowhere,
}

impl Second<'_> {
    fn of(source: &str, span: Range<usize>) -> Self {
        let written = text_within(source, span.clone());
        let line = format!("{written} = 0");
        let key = DeTable::parse(&line).ok().and_then(|line| Some(line.get_ref().keys().next()?.as_ref().to_string()));
        Self { span, name: key.unwrap_or_else(|| written.to_owned()), found: Found::Nowhere }
    }
}

/// The text in which each second has a name of its own.
struct Renamed {
    text: String,
    /// Where these names begin, in order.
    starts: Vec<usize>,
}

impl Renamed {
    fn of(source: &str, seconds: &[Second<'_>]) -> Self {
        let (mut text, mut starts, mut copied) = (String::new(), Vec::new(), 0);
        for (index, Second { span, .. }) in seconds.iter().enumerate() {
            text += text_within(source, copied..span.start);
            starts.push(text.len());
            // Nobody begins a name with NUL.
            text += &format!("\"\\u0000{index}\"");
            copied = span.end;
        }
        Self { text: text + text_within(source, copied..), starts }
    }
}

struct Search<'s, 'a> {
    seconds: Vec<Second<'a>>,
    renamed: &'s Renamed,
    /// The lines are those of the source, too: names stand within a line, so new ones move nothing to another.
    positions: Positions<'s>,
}

impl<'a> Search<'_, 'a> {
    fn look(&mut self, location: &Location<'a>, table: &DeTable<'_>, is_in_another: bool) {
        for (key, value) in table {
            let index = self.renamed.starts.binary_search(&key.span().start).ok();
            let Some(second) = index.and_then(|index| self.seconds.get_mut(index)) else {
                self.look_into(&location.child(key.as_ref(), 0..0), value.get_ref(), is_in_another);
                continue;
            };
            let location = location.child(&second.name, second.span.clone());
            second.found = match table.get_key_value(second.name.as_str()) {
                Some((first, _)) => Found::Beside(location.clone(), self.positions.at(first.span().start).line),
                None if is_in_another => Found::InAnother,
                None => Found::Nowhere,
            };
            self.look_into(&location, value.get_ref(), true);
        }
    }

    fn look_into(&mut self, location: &Location<'a>, value: &DeValue<'_>, is_in_another: bool) {
        match value {
            DeValue::Table(table) => self.look(location, table, is_in_another),
            DeValue::Array(array) => array.iter().enumerate().for_each(|(index, element)| {
                self.look_into(&location.element(index, 0..0), element.get_ref(), is_in_another);
            }),
            _ => {}
        }
    }
}
