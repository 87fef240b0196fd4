//! Whether a log could be opened, as far as can be seen without making a file: for who asks before a start, or a reload.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::places::LogPlaceError;
use crate::config::{LogPlace, LogSettings};

/// Looks at the files of a log.
///
/// # Errors
/// One could not be opened.
pub(crate) fn foretell(settings: &LogSettings) -> Result<(), LogPlaceError> {
    if let LogPlace::File(path) = &settings.to {
        look(path).map_err(|error| LogPlaceError::new("to", path, error))?;
    }
    if let Some(log) = &settings.access {
        look(&log.path).map_err(|error| LogPlaceError::new("access", &log.path, error))?;
    }
    Ok(())
}

fn look(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(access(path, Access::WRITE_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(access(path.parent().unwrap_or(Path::new("/")), Access::WRITE_OK | Access::EXEC_OK)?)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;
    use crate::config::{AccessFormat, AccessLogSettings, LogFormat, LogLevel};

    fn settings() -> LogSettings {
        super::super::tests::settings(LogLevel::Info, LogFormat::Auto)
    }

    /// What is foretold of a log at this path.
    fn foretold(path: &Path) -> Option<String> {
        let access = AccessLogSettings { path: path.to_owned(), format: AccessFormat::Json };
        let log = LogSettings { access: Some(access.clone()), ..settings() };
        let foretold = foretell(&log).err().map(|error| error.to_string());
        let opened = places::access(&access, Default::default()).err().map(|error| error.to_string());
        assert_eq!(foretold.is_some(), opened.is_some(), "{path:?}: {foretold:?}, {opened:?}");
        foretold
    }

    #[test]
    fn what_cannot_be_opened_is_foretold_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let settings = LogSettings { to: LogPlace::File(path.clone()), ..settings() };
        assert!(foretell(&settings).is_ok() && !path.exists());
        assert_eq!(foretold(&path), None);
        let said = foretold(&folder.path().join("nowhere/log")).unwrap();
        assert!(said.starts_with("log.access: cannot open ") && said.contains("make the folder"), "{said}");
        assert!(foretold(folder.path()).unwrap().contains("name a file in it"));
        assert!(foretold(&path.join("log")).is_some(), "a file is no folder");
    }
}
