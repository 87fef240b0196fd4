//! What a configuration of nginx is made of.

use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it is named in messages.
    pub file: Arc<str>,
    /// The line, from 1 on.
    pub line: usize,
    /// The column in characters, from 1 on.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A name or an argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::import) struct Word {
    /// What it says, without quotes and escapes.
    pub(in crate::import) text: String,
    /// As it is written.
    pub(in crate::import) written: String,
}

/// `name argument …;`, or `name argument … { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) struct Directive {
    /// Its number: each of a tree has another one, below the count of them.
    pub(in crate::import) id: usize,
    pub(in crate::import) name: Word,
    pub(in crate::import) arguments: Vec<Word>,
    pub(in crate::import) place: Place,
    pub(in crate::import) block: Option<Vec<Directive>>,
    /// Why what it includes could not be read.
    pub(in crate::import) trouble: Option<String>,
}

impl Directive {
    pub(in crate::import) fn name(&self) -> &str {
        &self.name.text
    }

    /// The argument with this number, from 0 on.
    pub(in crate::import) fn argument(&self, number: usize) -> Option<&str> {
        self.arguments.get(number).map(|word| word.text.as_str())
    }

    /// Its only argument.
    pub(in crate::import) fn value(&self) -> Option<&str> {
        match self.arguments.as_slice() {
            [word] => Some(&word.text),
            _ => None,
        }
    }

    pub(in crate::import) fn texts(&self) -> Vec<&str> {
        self.arguments.iter().map(|word| word.text.as_str()).collect()
    }

    /// What stands in its block; nothing where it has none.
    pub(in crate::import) fn inner(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or(&[])
    }

    /// As it is written, in one line, without what stands in its block.
    pub(in crate::import) fn written(&self) -> String {
        let mut line = self.name.written.clone();
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(&argument.written);
        }
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.block.is_some() { line + " {" } else { line + ";" }
    }
}
