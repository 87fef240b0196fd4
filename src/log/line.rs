//! One line: an event with its fields, as JSON for machines or as logfmt (`key=value`, quoted where needed) for people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use tracing::Level;
use tracing::field::{Field, Visit};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::journal::{FIELDS, LINE_END, write_field_name};
use super::style::{DIM, Ink, RESET, Shape, Style, colour, priority, word};
use super::text::{write_below, write_harmless, write_quoted, write_value};

/// A line that is no event's: `text`, said by `target`. It comes without its end.
pub fn line_of(style: Style, level: Level, text: &str, target: &str) -> String {
    let mut line = LogLine::begin(style, level);
    line.write_message(text);
    let mut line = line.finish(target);
    line.truncate(line.trim_end().len());
    line
}

/// A line that is being written.
#[derive(Debug)]
pub(super) struct LogLine {
    style: Style,
    text: String,
    /// What a value looks like before it is made harmless.
    value: String,
    /// What is shown below the line.
    below: String,
    /// What the journal keeps beside what people read.
    fields: String,
}

impl LogLine {
    /// A line that says when, how urgent and whose.
    pub(super) fn begin(style: Style, level: Level) -> Self {
        let text = String::with_capacity(USUAL);
        let mut line = Self { style, text, value: String::new(), below: String::new(), fields: String::new() };
        if style.shape == Shape::Journal {
            // The journal knows when, and whose.
            let _: fmt::Result = write!(line.fields, "PRIORITY={}{FIELDS}", priority(level));
            line.text.push_str("MESSAGE=");
            return line;
        }
        // A string takes everything, and a clock before 1970 is written as well as it can be.
        let _: fmt::Result = SystemTime.format_time(&mut Writer::new(&mut line.value));
        match style.shape {
            Shape::Json => {
                line.text.push_str("{\"timestamp\":");
                write_quoted(&mut line.text, &line.value);
                let _: fmt::Result = write!(line.text, ",\"level\":\"{level}\",\"pid\":{}", style.pid);
            }
            Shape::Logfmt | Shape::Terminal(_) | Shape::Journal => {
                line.write_key("ts");
                write_value(&mut line.text, &line.value);
                line.write_key("level");
                line.write_level(level);
                line.write_key("pid");
                let _: fmt::Result = write!(line.text, "{}", style.pid);
            }
        }
        line
    }

    /// The whole line.
    pub(super) fn finish(mut self, target: &str) -> String {
        match self.style.shape {
            Shape::Journal => self.write_journal_field("target", target),
            _ => self.write_text("target", target),
        }
        if self.style.shape == Shape::Json {
            self.text.push('}');
        }
        let end = if self.style.shape == Shape::Journal { LINE_END } else { "\n    " };
        write_below(&mut self.text, &self.below, end);
        self.text.push('\n');
        if self.style.shape == Shape::Journal {
            self.text.push_str(&self.fields);
            self.text.push('\n');
        }
        self.text
    }

    /// Adds a field with a text of anybody's.
    pub(super) fn write_text(&mut self, name: &str, text: &str) {
        self.write_key(name);
        match self.style.shape {
            Shape::Json => write_quoted(&mut self.text, &bounded(text)),
            Shape::Logfmt | Shape::Terminal(_) => write_value(&mut self.text, &bounded(text)),
            Shape::Journal => {
                write_value(&mut self.text, &bounded(text));
                self.write_journal_field(name, text);
            }
        }
    }

    fn write_journal_field(&mut self, name: &str, text: &str) {
        write_field_name(&mut self.fields, name);
        write_harmless(&mut self.fields, &bounded(text));
        self.fields.push('\n');
    }

    /// Adds a field that is a number or a truth value.
    pub(super) fn write_plain(&mut self, name: &str, value: impl fmt::Display) {
        self.write_key(name);
        let _: fmt::Result = write!(self.text, "{value}");
        if self.style.shape == Shape::Journal {
            write_field_name(&mut self.fields, name);
            let _: fmt::Result = writeln!(self.fields, "{value}");
        }
    }

    /// Adds the field of an event, under a name that is not one of the line's own.
    fn write_field(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => self.write_message(text),
            OBJECT => match serde_json::from_str(text) {
                Ok(texts) => self.write_object(OBJECT, &texts),
                Err(_) => self.write_text(OBJECT, text),
            },
            name => self.write_text(&own(name), text),
        }
    }

    /// Adds texts under names that are not ours: an object of JSON, or a field each.
    fn write_object(&mut self, name: &str, texts: &BTreeMap<String, String>) {
        if self.style.shape != Shape::Json {
            texts.iter().for_each(|(inner, text)| self.write_text(&format!("{name}.{inner}"), text));
            return;
        }
        self.write_key(name);
        let mut border = '{';
        for (inner, text) in texts {
            self.text.push(border);
            write_quoted(&mut self.text, inner);
            self.text.push(':');
            write_quoted(&mut self.text, text);
            border = ',';
        }
        self.text.push_str(if texts.is_empty() { "{}" } else { "}" });
    }

    /// Says what the line is about.
    pub(super) fn write_message(&mut self, text: &str) {
        match (self.style.shape, text.split_once('\n')) {
            (Shape::Json, _) => self.write_text("message", text),
            (Shape::Terminal(_), Some((first, rest))) => {
                self.write_text("msg", first);
                self.below.push_str(&bounded(rest));
            }
            (Shape::Journal, split) => {
                let (first, rest) = split.unwrap_or((text, ""));
                write_harmless(&mut self.text, &bounded(first));
                self.below.push_str(&bounded(rest));
            }
            (Shape::Logfmt | Shape::Terminal(_), _) => self.write_text("msg", text),
        }
    }

    fn write_key(&mut self, name: &str) {
        if self.style.shape == Shape::Json {
            self.text.push(',');
            write_quoted(&mut self.text, name);
            self.text.push(':');
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        match self.style.shape {
            Shape::Terminal(Ink::Coloured) => {
                let _: fmt::Result = write!(self.text, "{DIM}{name}={RESET}");
            }
            _ => {
                self.text.push_str(name);
                self.text.push('=');
            }
        }
    }

    fn write_level(&mut self, level: Level) {
        let word = word(level);
        let _: fmt::Result = match self.style.shape {
            Shape::Terminal(Ink::Coloured) => write!(self.text, "{}{word}{RESET}", colour(level)),
            _ => self.text.write_str(word),
        };
    }
}

impl Visit for LogLine {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.write_field(field, text);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write_plain(&own(field.name()), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write_plain(&own(field.name()), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write_plain(&own(field.name()), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.write_plain(&own(field.name()), value);
        } else {
            // JSON has no number for it.
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = std::mem::take(&mut self.value);
        text.clear();
        // A value that cannot be shown whole is shown as far as it can.
        let _: fmt::Result = write!(text, "{value:?}");
        self.write_field(field, &text);
        self.value = text;
    }
}

/// A name that is none of those that every line has: no object of JSON has a name twice.
fn own(name: &str) -> Cow<'_, str> {
    match name {
        "timestamp" | "ts" | "level" | "pid" | "target" | "msg" => format!("field_{name}").into(),
        name => name.into(),
    }
}

/// What is shown of a text. A line with all of a long one would find no place in the queue, and nothing of it would be shown.
fn bounded(text: &str) -> Cow<'_, str> {
    let (beginning, rest) = text.split_at(text.floor_char_boundary(LONGEST));
    if rest.is_empty() { text.into() } else { format!("{beginning}… and {} bytes more", rest.len()).into() }
}

/// The field whose text is an object of JSON, with texts in it: none of them passes for another one.
const OBJECT: &str = "headers";

/// What a line seldom exceeds, in bytes.
const USUAL: usize = 512;

/// What is shown of a text at the most, in bytes: with an escape for each of them, the queue still takes several.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(shape: Shape, message: &str, text: &str) -> String {
        let mut line = LogLine::begin(Style { shape, pid: 7 }, Level::WARN);
        line.write_message(message);
        line.write_text("path", text);
        line.finish("windlass::test")
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_line_or_paints_a_terminal(message: String, text in "(?s).{0,40}") {
            for shape in [Shape::Json, Shape::Logfmt, Shape::Terminal(Ink::Plain), Shape::Terminal(Ink::Coloured)] {
                let line = line(shape, &message, &text);
                let ours = [DIM, RESET, colour(Level::WARN)];
                let line = ours.iter().fold(line, |line, ours| line.replace(ours, ""));
                prop_assert!(!line.replace('\n', "").contains(char::is_control), "{:?}", line);
                let (first, below) = line.trim_end_matches('\n').split_once('\n').unwrap_or((&line, ""));
                prop_assert!(first.contains("path") && first.contains("target"), "{:?}", line);
                prop_assert!(below.is_empty() || matches!(shape, Shape::Terminal(_)), "{:?}", line);
                prop_assert!(below.lines().all(|line| line.starts_with("    ")), "{:?}", line);
            }
        }
    }
}
