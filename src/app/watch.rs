//! Sees when the configuration file, or a file that it names, becomes another one.

use std::path::Path;

use crate::config::Settings;
use crate::process::{FileWatch, FileWork, Fingerprints, WatchError};

/// What is watched; nothing, where `watch` is off.
#[derive(Debug)]
pub(super) struct Watch(FileWatch);

impl Watch {
    /// Watches nothing yet; `read` is what the first configuration was read from.
    pub(super) fn new(read: Fingerprints, files: FileWork) -> Self {
        Self(FileWatch::new(read, files, warn))
    }

    /// Something else was read, whatever became of it.
    pub(super) fn note_read(&mut self, read: Fingerprints) {
        self.0.note_read(read);
    }

    /// Watches what `settings` stand for, and the `file` that they were read from; or nothing, where they say so.
    pub(super) fn follow(&mut self, file: Option<&Path>, settings: &Settings) {
        if !settings.watch {
            return self.0.rest();
        }
        self.0.follow(settings.named_files().paths().chain(file).map(Path::to_owned).collect());
    }

    /// Waits until one of the files is another one.
    ///
    /// Cancel safe: a change that was not returned is returned by the next call.
    pub(super) async fn changed(&mut self) {
        self.0.changed().await;
    }
}

fn warn(error: &WatchError) {
    tracing::warn!(%error, "`watch`: changes of the configuration may go unseen; SIGHUP and `windlass reload` still reload");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::Loaded;
    use super::*;

    const CONFIG: &str = "\
        watch = true\n\
        [listener.public]\nbind = \"127.0.0.1:0\"\ntls = { chain = \"chain.pem\", key = \"key.pem\" }\n\
        [route.r]\nupstream = \"u\"\n\
        [upstream.u]\nendpoints = [\"127.0.0.1:9\"]\n";

    /// What is seen of what happens to a file between its reading and the first look.
    async fn sees(change: impl FnOnce(&Path)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(at("chain.pem"), made.cert.pem()).unwrap();
        fs::write(at("windlass.toml"), CONFIG).unwrap();
        let mut loaded = Loaded::read_file(&at("windlass.toml")).unwrap();

        change(folder.path());

        let mut watch = Watch::new(Fingerprints::default(), FileWork::default());
        watch.note_read(loaded.take_fingerprints());
        watch.follow(Some(&at("windlass.toml")), loaded.settings());
        // The clock stands still: this is no limit, but whether anything is left to be waited for.
        timeout(Duration::from_secs(4), watch.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_since_the_reading_is_seen_though_nobody_tells_of_it() {
        for file in ["windlass.toml", "chain.pem", "key.pem"] {
            assert!(sees(|folder| fs::write(folder.join(file), "another one").unwrap()).await, "{file}");
        }
        assert!(!sees(|_| {}).await);
        assert!(!sees(|folder| fs::write(folder.join("other.toml"), "not ours").unwrap()).await);
    }
}
