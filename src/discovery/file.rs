//! A file that somebody else writes: read whenever it becomes another one.
//!
//! It is watched as the configuration is, so renames and swapped links are seen; and looked at now and then all the same, for there
//! are folders that tell of nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::file_syntax::{FileFormat, parse_endpoints};
use super::source_error::{Found, SourceError};
use crate::config::read_file;
use crate::process::{FileWatch, FileWork, Fingerprints, WatchError};

/// Tells `found` of the set in the file at `path`, until nobody listens.
pub(super) async fn run(path: PathBuf, found: Sender<Found>) {
    // Of its own: a mount that hangs holds up no reload.
    let files = FileWork::default();
    let mut watch = FileWatch::new(Fingerprints::default(), files.clone(), say_once(path.display().to_string()));
    let (mut last, mut watched) = (None, None);
    loop {
        let Look { fingerprints, found: it } = look(&files, &path, last.take()).await;
        // A file that cannot be read may be readable the next time, though it is the same.
        last = (!matches!(it, Err(SourceError::NoAnswer(_)))).then(|| (fingerprints.clone(), it.clone()));
        if found.send(it).await.is_err() {
            return;
        }
        if watched.as_ref() != Some(&fingerprints) {
            watch.note_read(fingerprints.clone());
            // Where a link has led elsewhere, another folder tells of what happens next.
            watch.follow([path.clone()].into());
            watched = Some(fingerprints);
        }
        tokio::select! {
            // Too long is no error: then it is looked at without a hint.
            _ = timeout(LOOK_EVERY, watch.changed()) => {}
            () = found.closed() => return,
        }
    }
}

/// Reads the file at `path` once.
///
/// Blocks on the file system.
///
/// # Errors
/// Why it cannot be read, or what is wrong with it.
pub fn read_endpoints(path: &Path) -> Found {
    let bytes = read_file(path).map_err(|error| SourceError::no_answer(&format_args!("cannot be read: {error}")))?;
    parse_endpoints(&bytes, FileFormat::of(path, &bytes))
}

/// What was seen of the file.
struct Look {
    /// As it was before it was read.
    fingerprints: Fingerprints,
    found: Found,
}

/// Looks at the file, and reads it unless it is the one that was read `last`.
async fn look(files: &FileWork, path: &Path, last: Option<(Fingerprints, Found)>) -> Look {
    let path = path.to_owned();
    let look = move || {
        let fingerprints = Fingerprints::of([path.as_path()]);
        let found = match last {
            Some((before, found)) if before == fingerprints => found,
            _ => read_endpoints(&path),
        };
        Look { fingerprints, found }
    };
    let looked = match files.begin(look) {
        Ok(mut looking) => looking.done().await,
        Err(held) => Err(held),
    };
    looked.unwrap_or_else(|held| Look {
        fingerprints: Fingerprints::default(),
        found: Err(SourceError::no_answer(&held)),
    })
}

/// Says that changes of the file may go unseen, the first time.
fn say_once(file: String) -> impl FnMut(&WatchError) {
    let mut is_said = false;
    move |error| {
        if !std::mem::replace(&mut is_said, true) {
            let every_seconds = LOOK_EVERY.as_secs();
            tracing::warn!(file, %error, every_seconds, "a file of endpoints is not watched; it is looked at now and then");
        }
    }
}

/// How often the file is looked at though nobody told of a change. One look asks the system once.
const LOOK_EVERY: Duration = Duration::from_secs(10);
