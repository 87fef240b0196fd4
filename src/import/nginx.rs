//! From a file of nginx to one of ours.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::syntax::{ReadError, read};
use super::translate::{Written, written};
use crate::config::{self, Problems};

/// Why nothing is written.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It cannot be read, or is no syntax of nginx.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is nothing in it that a reverse proxy does.
    #[error("{}: no route can be made of it: it has no server with a location that leads to an endpoint or answers by itself", file.display())]
    NoRoute {
        /// The file that was named.
        file: PathBuf,
        /// What is said of its directives.
        told: String,
    },
    /// What would be written is no configuration: that is a mistake of ours.
    #[error("{}: what was made of it is no valid configuration, which is a mistake of the import:\n{problems}", file.display())]
    Invalid {
        /// The file that was named.
        file: PathBuf,
        /// What is wrong with it.
        problems: Problems,
    },
}

/// Reads the configuration of nginx in `file`, and writes one of ours. Relative paths in it start at `prefix`.
///
/// # Errors
/// It cannot be read, is no syntax of nginx, or has nothing that could be a route.
pub fn nginx(file: &Path, prefix: &Path) -> Result<Written, ImportError> {
    let tree = read(file, prefix)?;
    let (written, _) = written(&tree, file, prefix);
    if !written.has_routes {
        return Err(ImportError::NoRoute { file: file.to_owned(), told: written.text });
    }
    match config::parse(&written.text, &file.with_extension("toml")) {
        Ok(_) => Ok(written),
        Err(problems) => Err(ImportError::Invalid { file: file.to_owned(), problems }),
    }
}
