//! Where a process has its configuration from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::loaded::Loaded;
use crate::config::{self, Problems};

/// Where a process has its configuration from: each reload reads it again.
#[derive(Clone, Debug)]
pub enum ConfigSource {
    /// A file.
    File(PathBuf),
    /// This text, which flags of the command line stand for. The files that it names are read again all the same.
    Text(Arc<str>),
}

impl ConfigSource {
    /// The same, wherever whoever hears of it stands.
    pub(super) fn absolute(self) -> Self {
        match self {
            Self::File(path) => Self::File(std::path::absolute(&path).unwrap_or(path)),
            text @ Self::Text(_) => text,
        }
    }

    /// What problems and answers call it; relative paths start at its folder.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Text(_) => Path::new("command line"),
        }
    }

    /// The file, where it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    /// Reads it, and the files that it names.
    ///
    /// Blocks on the file system.
    pub(super) fn load(&self) -> Result<Loaded, Problems> {
        match self {
            Self::File(path) => Loaded::read_file(path),
            Self::Text(text) => {
                config::parse(text, self.path()).and_then(Loaded::read).map_err(Problems::without_positions)
            }
        }
    }
}
