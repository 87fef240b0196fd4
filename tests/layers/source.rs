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
    /// Whether it belongs to a module named `tests`, or to what stands under `#[cfg(test)]`.
    pub(crate) in_tests: bool,
}

/// A mention of a module that stands directly under the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) module: String,
    pub(crate) line: usize,
}

/// A path in the code: one of each member of a group, its `super::` and `self::` worked out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) root: Root,
    pub(crate) path: Vec<String>,
    /// What the file calls it: its last name, or what stands behind `as`.
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) in_tests: bool,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Crate,
    /// A name that must be known where it stands: a child module, or what was imported.
    Here,
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
        let from_crate = self.mentions().into_iter().filter(|mention| mention.root == Root::Crate);
        let mut references: Vec<_> = from_crate
            .filter_map(|Mention { path, line, .. }| Some(Reference { module: path.into_iter().next()?, line }))
            .collect();
        references.dedup();
        references
    }

    /// Every path in this file that leads out of it, or might.
    pub(crate) fn mentions(&self) -> Vec<Mention> {
        let mut mentions = Vec::new();
        for at in (0..self.words.len()).filter(|at| self.text(at + 1) == "::" && self.begins_a_path(*at)) {
            match self.text(at) {
                "crate" | "windlass" => self.expand(at + 2, Root::Crate, Vec::new(), &mut mentions),
                "self" if self.text(at + 2) == "super" => continue,
                "self" | "super" => {
                    let supers = self.supers(at);
                    let inside = self.words[at].inline_modules;
                    let begin = if supers == 0 { at + 2 } else { at + 2 * supers };
                    let Some(up) = supers.checked_sub(inside) else { continue };
                    let Some(kept) = self.file_module().len().checked_sub(up) else { continue };
                    let above = self.file_module()[..kept].iter().map(|part| (*part).to_owned()).collect();
                    self.expand(begin, Root::Crate, above, &mut mentions)
                }
                _ => self.expand(at, Root::Here, Vec::new(), &mut mentions),
            };
        }
        mentions
    }

    /// Whether an item of this name is written in this file.
    pub(crate) fn defines(&self, name: &str) -> bool {
        (1..self.words.len()).any(|at| {
            let item = matches!(self.text(at - 1), "struct" | "enum" | "fn" | "const" | "static" | "type" | "trait");
            item && self.text(at) == name && !self.words[at].in_tests
        })
    }

    /// Whether this file declares a module of this name, and only for tests.
    pub(crate) fn declares_for_tests(&self, module: &str) -> bool {
        let is_declared = |at: usize| self.text(at - 1) == "mod" && self.text(at) == module && self.words[at].in_tests;
        (1..self.words.len()).any(is_declared)
    }

    pub(crate) fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// The modules that this file is in, from the crate down.
    pub(crate) fn file_module(&self) -> Vec<&str> {
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

    /// Takes the path that goes on at `at` behind `path`, each member of a group on its own; tells where it ends.
    fn expand(&self, mut at: usize, root: Root, mut path: Vec<String>, mentions: &mut Vec<Mention>) -> usize {
        if self.text(at) == "{" {
            at += 1;
            while !matches!(self.text(at), "}" | "") {
                at = self.expand(at, root, path.clone(), mentions);
                at += usize::from(self.text(at) == ",");
            }
            return at + 1;
        }
        let Some(word) = self.words.get(at) else { return at };
        match word.text.as_str() {
            "self" => {}
            name if name == "*" || name.chars().all(is_identifier) => path.push(name.to_owned()),
            _ => {}
        }
        if self.text(at + 1) == "::" {
            return self.expand(at + 2, root, path, mentions);
        }
        let alias = (self.text(at + 1) == "as").then(|| self.text(at + 2));
        let name = alias.or(path.last().map(String::as_str)).unwrap_or_default().to_owned();
        let end = if alias.is_some() { at + 3 } else { at + 1 };
        mentions.push(Mention { root, path, name, line: word.line, in_tests: word.in_tests });
        end
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
        for at in 0..self.words.len() {
            if ["#", "[", "cfg", "(", "test", ")", "]"].iter().enumerate().all(|(n, text)| self.text(at + n) == *text) {
                let end = self.end_of_item(at + 7);
                self.words[at..end].iter_mut().for_each(|word| word.in_tests = true);
            }
        }
    }

    /// Behind the `;` or the `}` that ends the item which begins at `at`.
    fn end_of_item(&self, at: usize) -> usize {
        let mut depth = 0;
        for at in at..self.words.len() {
            match self.text(at) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(self.text(at), ";" | "}") {
                return at + 1;
            }
        }
        self.words.len()
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
