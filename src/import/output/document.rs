//! Tables and comments, in the order in which they are written.

use super::value::{Value, key};

/// Beyond it a list has a line for each of its elements.
const WIDEST: usize = 120;

#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Table {
    /// Such as `["route", "chat"]`.
    pub(in crate::import) path: Vec<String>,
    /// The lines above it.
    pub(in crate::import) comments: Vec<String>,
    pub(in crate::import) entries: Vec<(String, Value)>,
    /// Tables in it, by their keys.
    pub(in crate::import) below: Vec<(String, Vec<(String, Value)>)>,
    /// The lines below its entries.
    pub(in crate::import) notes: Vec<String>,
}

impl Table {
    pub(in crate::import) fn new(kind: &str, name: &str) -> Self {
        Self { path: vec![kind.to_owned(), name.to_owned()], ..Self::default() }
    }

    pub(in crate::import) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.entries.push((key.to_owned(), value.into()));
    }
}

/// What is written.
#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Document {
    text: String,
}

impl Document {
    /// Lines of comment that stand by themselves.
    pub(in crate::import) fn comment(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.blank();
            self.lines(lines);
        }
    }

    pub(in crate::import) fn table(&mut self, table: &Table) {
        self.blank();
        self.lines(&table.comments);
        let path: Vec<_> = table.path.iter().map(|step| key(step)).collect();
        self.text += &format!("[{}]\n", path.join("."));
        for (name, value) in &table.entries {
            self.text += &entry(name, value);
        }
        self.lines(&table.notes);
        for (name, entries) in &table.below {
            self.text += &format!("\n[{}.{}]\n", path.join("."), key(name));
            entries.iter().for_each(|(name, value)| self.text += &entry(name, value));
        }
    }

    pub(in crate::import) fn into_text(self) -> String {
        self.text
    }

    fn blank(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn lines(&mut self, lines: &[String]) {
        for line in lines {
            // No comment of TOML has a control in it, and none goes on in the next line.
            let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            self.text += format!("# {line}").trim_end();
            self.text.push('\n');
        }
    }
}

fn entry(name: &str, value: &Value) -> String {
    let line = format!("{} = {value}\n", key(name));
    match value {
        Value::List(elements) if line.chars().count() > WIDEST => {
            let elements: String = elements.iter().map(|element| format!("  {element},\n")).collect();
            format!("{} = [\n{elements}]\n", key(name))
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_comments_above() {
        let mut table = Table::new("route", "a.b");
        table.comments.push("one\ntwo".into());
        table.put("path", "/x");
        table.put("hosts", Value::texts((0..20).map(|number| format!("{number}.example.com"))));
        table.notes.push("".into());
        table.below.push(("y".into(), vec![("z".into(), Value::Number(1))]));
        let mut document = Document::default();
        document.comment(&["first".into()]);
        document.table(&table);
        let text = document.into_text();
        assert!(
            text.starts_with("# first\n\n# one two\n[route.\"a.b\"]\npath = \"/x\"\nhosts = [\n  \"0.example.com\",\n")
        );
        assert!(text.ends_with("  \"19.example.com\",\n]\n#\n\n[route.\"a.b\".y]\nz = 1\n"), "{text}");
        assert!(text.parse::<toml::Table>().is_ok());
    }
}
