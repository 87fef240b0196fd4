//! What tells files apart from those that stood at their places before.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How the files of a configuration looked just before they were read: whatever came later is not what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints(BTreeMap<PathBuf, Option<Fingerprint>>);

/// What tells a file from the one that was there before; `None`, where there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Fingerprints {
    /// Of files as they are now.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        Self(files.into_iter().map(|file| (file.to_owned(), Fingerprint::of(file))).collect())
    }

    /// Takes over what `later` knows, also of files that are known already.
    pub fn update(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Forgets every file but `files`; of those that were never read, this is the first look.
    pub fn keep<'a>(&mut self, files: impl IntoIterator<Item = &'a PathBuf>) {
        let mut known = std::mem::take(&mut self.0);
        let print = |file: &PathBuf| (file.clone(), known.remove(file).unwrap_or_else(|| Fingerprint::of(file)));
        self.0 = files.into_iter().map(print).collect();
    }

    /// Looks at the files; whether one is another one than before.
    pub fn look(&mut self) -> bool {
        let now = Self::of(self.0.keys().map(PathBuf::as_path));
        let changed = now != *self;
        *self = now;
        changed
    }
}

impl Fingerprint {
    /// That of the file that `path` leads to.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}
