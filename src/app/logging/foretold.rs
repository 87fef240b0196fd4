//! Whether a log could be opened, as far as can be seen without making a file: for who asks before a start, or a reload.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::places::LogPlaceError;
use crate::config::{AccessLogSettings, LogPlace};

/// Looks at the files of a log and of an access log that are to be opened. Returns what may keep them from that, and cannot be seen before,
/// a line each.
///
/// # Errors
/// One could not be opened.
pub(crate) fn foretell(
    log: Option<&LogPlace>,
    access: Option<&AccessLogSettings>,
) -> Result<Vec<String>, LogPlaceError> {
    let mut odd = Vec::new();
    let log = log.and_then(|place| match place {
        LogPlace::File(path) => Some(("to", path)),
        LogPlace::Stderr | LogPlace::Journald => None,
    });
    let access = access.map(|access| ("access", &access.path));
    for (key, path) in log.into_iter().chain(access) {
        let warning = match look(path).map_err(|error| LogPlaceError::new(key, path, error))? {
            Found::Fifo => "is a named pipe: it can be opened only while something reads it, so start that first",
            Found::Fine => continue,
        };
        odd.push(format!("log.{key}: {} {warning}", path.display()));
    }
    Ok(odd)
}

/// What is at a path that lines could be written to.
enum Found {
    Fine,
    /// Whether something reads it is not seen without opening it, which whoever reads would notice.
    Fifo,
}

fn look(path: &Path) -> io::Result<Found> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return look_where_nothing_is(path),
        Err(error) => return Err(error),
    };
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if kind.is_socket() {
        return Err(Errno::NXIO.into());
    }
    access(path, Access::WRITE_OK)?;
    Ok(if kind.is_fifo() { Found::Fifo } else { Found::Fine })
}

/// A file is made there; where it is a link, it is made where that leads.
fn look_where_nothing_is(path: &Path) -> io::Result<Found> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if let Ok(target) = fs::read_link(path) {
        // Links that lead in a circle are another error.
        return look(&folder.join(target));
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    Ok(Found::Fine)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::super::places;
    use super::*;
    use crate::config::AccessFormat;

    /// What is foretold of a log at this path.
    fn foretold(path: &Path) -> Option<String> {
        let access = AccessLogSettings { path: path.to_owned(), format: AccessFormat::Json };
        let foretold = foretell(None, Some(&access)).err().map(|error| error.to_string());
        let opened = places::access(&access, Default::default()).err().map(|error| error.to_string());
        assert_eq!(foretold.is_some(), opened.is_some(), "{path:?}: {foretold:?}, {opened:?}");
        foretold
    }

    #[test]
    fn what_cannot_be_opened_is_foretold_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(foretell(Some(&LogPlace::File(path.clone())), None).is_ok() && !path.exists());
        assert_eq!(foretold(&path), None);
        let said = foretold(&folder.path().join("nowhere/log")).unwrap();
        assert!(said.starts_with("log.access: cannot open ") && said.contains("make the folder"), "{said}");
        assert!(foretold(folder.path()).unwrap().contains("name a file in it"));
        assert!(foretold(&path.join("log")).is_some(), "a file is no folder");
    }

    #[test]
    fn a_socket_is_no_file_and_a_link_that_leads_nowhere_is_as_good_as_the_place_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name| folder.path().join(name);
        let _socket = UnixListener::bind(place("socket")).unwrap();
        let said = foretold(&place("socket")).unwrap();
        assert!(said.contains("a socket is no file"), "{said}");
        for (target, link, is_fine) in [("none/log", "astray", false), ("new", "link", true), ("loop", "loop", false)] {
            symlink(target, place(link)).unwrap();
            assert_eq!(foretold(&place(link)).is_none(), is_fine, "{link}");
        }
        symlink("astray", place("to a link")).unwrap();
        assert!(foretold(&place("to a link")).unwrap().contains("make the folder"));
    }

    #[test]
    fn a_named_pipe_is_opened_only_while_something_reads_it_and_that_is_said_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let odd = foretell(Some(&LogPlace::File(path.clone())), None).unwrap();
        assert!(
            odd.len() == 1 && odd[0].starts_with("log.to: ") && odd[0].contains("while something reads it"),
            "{odd:?}"
        );
        let access = AccessLogSettings { path, format: AccessFormat::Json };
        let refused = places::access(&access, Default::default()).unwrap_err().to_string();
        assert!(refused.contains("nothing reads that named pipe"), "{refused}");
    }
}
