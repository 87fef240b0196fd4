//! The files of a configuration: the one that is named, and those that it includes, each in the place of its `include`.
//!
//! No more than [`MOST_FILES`] are read, no deeper than [`DEEPEST`], and none within itself. A file that is included and cannot be read is
//! told in its directive: whoever brings a configuration from another machine may have left some behind.

use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use thiserror::Error;

use super::glob;
use super::parser::{Numbers, parse};
use super::tree::{Directive, Place};
use crate::config::{FileError, MOST_BYTES, read_file};

const MOST_FILES: usize = 2_000;
const DEEPEST: usize = 16;

/// A whole configuration.
#[derive(Debug)]
pub(in crate::import) struct Tree {
    pub(in crate::import) directives: Vec<Directive>,
    /// How many there are, all in all.
    pub(in crate::import) count: usize,
}

/// Why there is none.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file that was named cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// That file.
        path: PathBuf,
        /// Why not.
        error: FileError,
    },
    /// It is no syntax of nginx.
    #[error("{}:{}:{}: {problem}", path.display(), place.line, place.column)]
    Syntax {
        /// The file that it stands in.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What.
        problem: String,
    },
}

/// Reads `file`, and what it includes; paths that are relative start at `prefix`.
///
/// # Errors
/// `file` cannot be read, or something is no syntax of nginx.
pub(in crate::import) fn read(file: &Path, prefix: &Path) -> Result<Tree, ReadError> {
    let mut reader = Reader { prefix, numbers: Numbers::default(), files: 0, bytes: 0, open: Vec::new() };
    let source = reader.source(file).map_err(|error| ReadError::Unreadable { path: file.to_owned(), error })?;
    let directives = reader.directives(file, &source)?;
    Ok(Tree { directives, count: reader.numbers.count() })
}

struct Reader<'a> {
    prefix: &'a Path,
    numbers: Numbers,
    files: usize,
    bytes: u64,
    /// Those in which the one that is read is included, from the outside in.
    open: Vec<PathBuf>,
}

impl Reader<'_> {
    fn source(&mut self, file: &Path) -> Result<String, FileError> {
        let bytes = read_file(file)?;
        self.files += 1;
        self.bytes += bytes.len() as u64;
        // Comments in Latin-1 are frequent, and nothing else is.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn directives(&mut self, file: &Path, source: &str) -> Result<Vec<Directive>, ReadError> {
        let shown: Arc<str> = shown(file, self.prefix).to_string_lossy().into();
        let parsed = parse(source, &shown, &mut self.numbers);
        let parsed = parsed.map_err(|(place, problem)| ReadError::Syntax { path: file.to_owned(), place, problem })?;
        self.open.push(file.canonicalize().unwrap_or_else(|_| file.to_owned()));
        let directives = self.with_includes(parsed, file)?;
        self.open.pop();
        Ok(directives)
    }

    fn with_includes(&mut self, directives: Vec<Directive>, file: &Path) -> Result<Vec<Directive>, ReadError> {
        let mut all = Vec::with_capacity(directives.len());
        for mut directive in directives {
            match directive.value().map(str::to_owned) {
                Some(pattern) if directive.name() == "include" && directive.block.is_none() => {
                    self.include(directive, &pattern, file, &mut all)?;
                }
                _ => {
                    directive.block = match directive.block {
                        Some(block) => Some(self.with_includes(block, file)?),
                        None => None,
                    };
                    all.push(directive);
                }
            }
        }
        Ok(all)
    }

    fn include(
        &mut self,
        mut directive: Directive,
        pattern: &str,
        file: &Path,
        all: &mut Vec<Directive>,
    ) -> Result<(), ReadError> {
        let wrong =
            |problem: String| ReadError::Syntax { path: file.to_owned(), place: directive.place.clone(), problem };
        let path = self.prefix.join(pattern);
        let named = match glob::is_pattern(pattern) {
            true => glob::files(&path, MOST_FILES),
            false => Ok(vec![path]),
        };
        let named = match named {
            Ok(named) => named,
            Err(trouble) => {
                directive.trouble = Some(trouble);
                all.push(directive);
                return Ok(());
            }
        };
        for included in named {
            if self.open.contains(&included.canonicalize().unwrap_or_else(|_| included.clone())) {
                return Err(wrong(format!("{} includes itself", included.display())));
            }
            if self.open.len() >= DEEPEST || self.files >= MOST_FILES || self.bytes > MOST_BYTES {
                return Err(wrong(format!(
                    "too much is included: more than {MOST_FILES} files, {DEEPEST} within one another, or {} MiB",
                    MOST_BYTES / (1024 * 1024)
                )));
            }
            match self.source(&included) {
                Ok(source) => all.extend(self.directives(&included, &source)?),
                Err(error) => {
                    let trouble = format!("{}: {error}", included.display());
                    all.push(Directive { trouble: Some(trouble), ..directive.clone() });
                }
            }
        }
        Ok(())
    }
}

/// How `file` is named in messages: from `prefix` on, where it is below that.
fn shown(file: &Path, prefix: &Path) -> PathBuf {
    let (Ok(whole), Ok(folder)) = (absolute(file), absolute(prefix)) else { return file.to_owned() };
    whole.strip_prefix(folder).map_or_else(|_| file.to_owned(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn tree(files: &[(&str, &str)]) -> Result<Tree, String> {
        let folder = folder(files);
        let tree = read(&folder.path().join("nginx.conf"), folder.path());
        tree.map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), "FOLDER"))
    }

    #[test]
    fn what_is_included_stands_in_the_place_of_its_include() {
        let tree = tree(&[
            ("nginx.conf", "http {\n include sites/*.conf;\n include last.conf; }"),
            ("sites/b.conf", "b 1;"),
            ("sites/a.conf", "\na 1; include snippets/x.conf;"),
            ("snippets/x.conf", "x { include last.conf; }"),
            ("last.conf", "last;"),
        ])
        .unwrap();
        let seen: Vec<_> = tree.directives[0].inner().iter().map(|it| format!("{} {}", it.place, it.name())).collect();
        assert_eq!(seen, ["sites/a.conf:2 a", "snippets/x.conf:1 x", "sites/b.conf:1 b", "last.conf:1 last"]);
        assert_eq!(tree.directives[0].inner()[1].inner()[0].name(), "last");
    }

    #[test]
    fn a_file_that_includes_itself_is_refused() {
        let files =
            [("nginx.conf", "include a.conf;"), ("a.conf", "a;\ninclude ./b.conf;"), ("b.conf", "include a.conf;")];
        assert_eq!(tree(&files).unwrap_err(), "FOLDER/./b.conf:1:1: FOLDER/a.conf includes itself");
    }

    #[test]
    fn what_cannot_be_read_is_told_in_its_directive() {
        let tree = tree(&[("nginx.conf", "include mime.types; include none/*.conf; include *.none; a;")]).unwrap();
        let [mime, none, a] = tree.directives.as_slice() else { panic!("{tree:?}") };
        assert!(mime.trouble.as_ref().unwrap().contains("mime.types: No such file"), "{mime:?}");
        assert!(none.trouble.as_ref().unwrap().contains("none: No such file"), "{none:?}");
        assert_eq!(a.name(), "a");
    }

    #[test]
    fn mistakes_name_the_file_that_they_stand_in() {
        let files = [("nginx.conf", "include a.conf;"), ("a.conf", "a;\n  b")];
        assert_eq!(tree(&files).unwrap_err(), "FOLDER/a.conf:2:3: b does not end: a `;` is missing");
        let missing = read(Path::new("/none/nginx.conf"), Path::new("/none")).unwrap_err().to_string();
        assert!(missing.starts_with("/none/nginx.conf: cannot be read: No such file"), "{missing}");
    }

    #[test]
    fn what_grows_with_each_level_is_bounded() {
        let many = "include b.conf;\n".repeat(60);
        let deeper = "include c.conf;\n".repeat(60);
        let files = [("nginx.conf", many.as_str()), ("b.conf", deeper.as_str()), ("c.conf", "c;")];
        assert!(tree(&files).unwrap_err().contains("too much is included: more than 2000 files"));
    }
}
