//! Whether the admin socket has a place to stand.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::config::{AdminListen, AdminSettings, Problem, Warning};

/// Looks at the place of an admin socket that somebody has asked for: without one, there is no start.
///
/// The folder of the usual socket is made by the systemd unit, at each start: where it is missing, a warning.
pub(super) fn look(settings: &AdminSettings) -> Result<Option<Warning>, Problem> {
    let AdminListen::Unix(path) = &settings.listen else { return Ok(None) };
    if !settings.is_written() {
        return Ok(None);
    }
    match fs::symlink_metadata(path) {
        // Whoever comes replaces what was left behind, and takes over what is served: neither asks for more.
        Ok(metadata) if metadata.file_type().is_socket() => Ok(None),
        Ok(_) => Err(Problem::new(
            settings.location.0.clone(),
            format!("{} is there already, and no socket", path.display()),
            format!("write a path where nothing is, such as {ELSEWHERE}"),
        )),
        Err(_) => look_at_folder(path.parent().unwrap_or(Path::new("/")), settings),
    }
}

fn look_at_folder(folder: &Path, settings: &AdminSettings) -> Result<Option<Warning>, Problem> {
    let Some((problem, remedy)) = fault_of(folder) else { return Ok(None) };
    if settings.listen == AdminListen::default() {
        let hint = format!("the systemd unit makes it, for the user of windlass; without that, {remedy}");
        return Ok(Some(Warning::new(settings.location.0.clone(), problem, hint)));
    }
    let hint = format!("{remedy}, or write a path in another folder, such as {ELSEWHERE}");
    Err(Problem::new(settings.location.0.clone(), problem, hint))
}

/// Why this user can make no socket in `folder`, as far as can be seen without making one, and what to do about it.
fn fault_of(folder: &Path) -> Option<(String, String)> {
    let name = folder.display();
    if !folder.exists() {
        return Some((format!("there is no folder {name}"), format!("`mkdir -p {name}` before windlass starts")));
    }
    if !folder.is_dir() {
        return Some((format!("{name} is no folder"), "make it one".into()));
    }
    let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some((format!("this user can make no socket in {name}: {error}"), "let it write there".into()))
}

const ELSEWHERE: &str = "\"unix:/tmp/windlass.sock\"";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;
    use crate::config::{NotCompared, Position, SourceLocation};

    fn written(path: impl Into<PathBuf>) -> AdminSettings {
        let position = Some(Position { line: 1, column: 1 });
        AdminSettings {
            listen: AdminListen::Unix(path.into()),
            location: NotCompared(SourceLocation { position, ..SourceLocation::default() }),
        }
    }

    #[test]
    fn a_socket_that_was_asked_for_needs_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();

        assert!(look(&written(folder.path().join("admin.sock"))).unwrap().is_none());
        for (folder, said) in [(missing, "there is no folder"), (file, "is no folder")] {
            let problem = look(&written(folder.join("admin.sock"))).unwrap_err().to_string();
            assert!(problem.contains(said) && problem.contains(&folder.display().to_string()), "{problem}");
        }
    }

    #[test]
    fn only_a_socket_may_stand_where_it_will() {
        let folder = tempfile::tempdir().unwrap();
        let [file, dangling, socket] = ["file", "dangling", "admin.sock"].map(|name| folder.path().join(name));
        fs::write(&file, "").unwrap();
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        let _bound = UnixListener::bind(&socket).unwrap();

        for path in [&file, &dangling, folder.path()] {
            let problem = look(&written(path)).unwrap_err().to_string();
            assert!(problem.contains("is there already, and no socket"), "{problem}");
        }
        assert!(look(&written(socket)).unwrap().is_none());
    }

    #[test]
    fn its_folder_is_one_that_this_user_may_write_to() {
        // Nobody may write there, root neither.
        let problem = look(&written("/proc/self/admin.sock")).unwrap_err().to_string();
        assert!(problem.contains("this user can make no socket in /proc/self: "), "{problem}");
    }

    #[test]
    fn nobody_who_did_not_ask_needs_one() {
        let default = AdminSettings { listen: AdminListen::default(), location: NotCompared::default() };
        assert!(look(&default).unwrap().is_none());
        let off = AdminSettings { listen: AdminListen::Off, ..written("/nowhere/admin.sock") };
        assert!(look(&off).unwrap().is_none());
    }
}
