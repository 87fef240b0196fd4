//! Rust source as a list of words: enough to see who refers to whom, no more.
//!
//! Comments and literals are gone, so a rule never trips over prose. What macros build out of pieces is not seen.

use std::fs;
use std::path::Path;

/// One file of the crate.
pub(crate) struct Source {
    /// From `src/` on, as in `http/forward.rs`.
    pub(crate) path: String,
    pub(crate) lines: usize,
    pub(crate) words: Vec<Word>,
}

/// An identifier, a `::`, or another character of code.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// How deep it is inside inline modules.
    inline_modules: usize,
    /// Whether it belongs to a module named `tests`.
    pub(crate) in_tests: bool,
}

/// A mention of a module that stands directly under the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) module: String,
    pub(crate) line: usize,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut source = Self { path: path.to_owned(), lines: text.lines().count(), words: words(text) };
        source.mark_modules();
        source
    }

    /// Every file under `folder`, in a stable order.
    pub(crate) fn read_all(folder: &Path) -> Vec<Self> {
        let mut files = Vec::new();
        walk(folder, &mut files);
        files.sort();
        let source = |file: &String| Self::parse(file, &fs::read_to_string(folder.join(file)).unwrap());
        files.iter().map(source).collect()
    }

    /// The module that stands directly under the crate and holds this file; `lib` and `main` for the roots.
    pub(crate) fn top_module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    pub(crate) fn is_table_of_contents(&self) -> bool {
        self.path.ends_with("/mod.rs")
    }

    /// What this file mentions by `crate::…`, by our own name, or by enough `super::`.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            if !self.begins_a_path(at) {
                continue;
            }
            match word.text.as_str() {
                "crate" | "windlass" if self.text(at + 1) == "::" => self.collect(at + 2, &mut references),
                "super" => {
                    let supers = self.supers(at);
                    if supers == self.file_module().len() + word.inline_modules {
                        self.collect(at + 2 * supers, &mut references);
                    }
                }
                _ => {}
            }
        }
        references
    }

    pub(crate) fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// The modules that this file is in, from the crate down.
    fn file_module(&self) -> Vec<&str> {
        let parts = self.path.strip_suffix(".rs").unwrap().split('/');
        parts.filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
    }

    fn begins_a_path(&self, at: usize) -> bool {
        let before = |words: usize| at.checked_sub(words).map_or("", |at| self.text(at));
        before(1) != "::" || before(2) == "self"
    }

    /// How many `super::` follow one another.
    fn supers(&self, at: usize) -> usize {
        (0..).take_while(|n| self.text(at + 2 * n) == "super" && self.text(at + 2 * n + 1) == "::").count()
    }

    /// Takes the first name of a path, or of each path in a group.
    fn collect(&self, at: usize, references: &mut Vec<Reference>) {
        let mut depth = 0;
        let mut expecting = true;
        for word in self.words.iter().skip(at) {
            match word.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "," => expecting = depth == 1,
                module if expecting => {
                    references.push(Reference { module: module.to_owned(), line: word.line });
                    expecting = false;
                }
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn mark_modules(&mut self) {
        let file_of_tests = self.file_module().contains(&"tests");
        let mut depth = 0;
        let mut open: Vec<(usize, String)> = Vec::new();
        for at in 0..self.words.len() {
            match self.text(at) {
                "{" => {
                    depth += 1;
                    if at >= 2 && self.text(at - 2) == "mod" {
                        open.push((depth, self.text(at - 1).to_owned()));
                    }
                }
                "}" => {
                    open.retain(|(opened_at, _)| *opened_at < depth);
                    depth -= 1;
                }
                _ => {}
            }
            self.words[at].inline_modules = open.len();
            self.words[at].in_tests = file_of_tests || open.iter().any(|(_, name)| name == "tests");
        }
    }
}

fn walk(folder: &Path, files: &mut Vec<String>) {
    fn descend(root: &Path, folder: &Path, files: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                descend(root, &path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    descend(folder, folder, files);
}

fn words(text: &str) -> Vec<Word> {
    let mut rest = text;
    let mut line = 1;
    let mut words = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = literal_or_comment(rest).unwrap_or_else(|| {
            let identifier = rest.find(|c: char| !is_identifier(c)).unwrap_or(rest.len());
            let length = match first {
                _ if identifier > 0 => identifier,
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            if !first.is_whitespace() && !first.is_ascii_digit() {
                words.push(Word { text: rest[..length].to_owned(), line, inline_modules: 0, in_tests: false });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    words
}

/// The length of the comment, string, character or lifetime that `rest` begins with.
fn literal_or_comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let prefix = rest.find(|c: char| !is_identifier(c)).unwrap_or(rest.len());
    let (letters, after) = rest.split_at(prefix);
    match letters {
        "" | "b" | "c" if after.starts_with('"') => Some(prefix + 1 + quoted(&after[1..], '"')),
        "" | "b" if after.starts_with('\'') => Some(prefix + 1 + character_or_lifetime(&after[1..])),
        "r" | "br" | "cr" => {
            let hashes = after.len() - after.trim_start_matches('#').len();
            let closing = format!("\"{}", "#".repeat(hashes));
            let inside = after[hashes..].strip_prefix('"')?;
            let length = inside.find(&closing).unwrap_or(inside.len() - closing.len());
            Some(prefix + hashes + 1 + length + closing.len())
        }
        _ => None,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length up to and with the closing `quote`.
fn quoted(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

fn character_or_lifetime(inside: &str) -> usize {
    let mut chars = inside.chars();
    let first = chars.next().unwrap_or('\'');
    if first == '\\' || chars.next() == Some('\'') {
        return quoted(inside, '\'');
    }
    inside.find(|c: char| !is_identifier(c)).unwrap_or(inside.len())
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
