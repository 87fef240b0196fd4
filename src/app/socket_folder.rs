//! Whether the admin socket has a place to stand.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::config::{AdminListen, AdminListenerSettings, AdminSettings, Problem, Warning};

/// Looks at the places of admin sockets that somebody has asked for: what is odd about them, and why there would be no start.
///
/// The folder of the usual socket is made by the systemd unit, at each start: where it is missing, a warning.
pub(super) fn look(settings: &AdminSettings) -> (Vec<Warning>, Vec<Problem>) {
    let (mut warnings, mut problems) = (Vec::new(), Vec::new());
    let written = settings.listeners.iter().filter(|_| settings.is_written());
    for listener in written {
        match look_at(listener) {
            Ok(warning) => warnings.extend(warning),
            Err(problem) => problems.push(problem),
        }
    }
    (warnings, problems)
}

fn look_at(listener: &AdminListenerSettings) -> Result<Option<Warning>, Problem> {
    let AdminListen::Unix(path) = &listener.listen else { return Ok(None) };
    match fs::symlink_metadata(path) {
        // Whoever comes replaces what was left behind, and takes over what is served: neither asks for more.
        Ok(metadata) if metadata.file_type().is_socket() => Ok(None),
        Ok(_) => Err(Problem::new(
            listener.location.0.clone(),
            format!("{} is there already, and no socket", path.display()),
            format!("write a path where nothing is, such as {ELSEWHERE}"),
        )),
        Err(_) => look_at_folder(path.parent().unwrap_or(Path::new("/")), listener),
    }
}

fn look_at_folder(folder: &Path, listener: &AdminListenerSettings) -> Result<Option<Warning>, Problem> {
    let Some((problem, remedy)) = fault_of(folder) else { return Ok(None) };
    if listener.listen == AdminListen::default() {
        let hint = format!("the systemd unit makes it, for the user of windlass; without that, {remedy}");
        return Ok(Some(Warning::new(listener.location.0.clone(), problem, hint)));
    }
    let hint = format!("{remedy}, or write a path in another folder, such as {ELSEWHERE}");
    Err(Problem::new(listener.location.0.clone(), problem, hint))
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
    use crate::config::{NotCompared, Position, SourceLocation, TapLevel};

    fn written(path: impl Into<PathBuf>) -> AdminSettings {
        let position = Some(Position { line: 1, column: 1 });
        let location = SourceLocation { position, ..SourceLocation::default() };
        let listeners = vec![AdminListenerSettings::at(AdminListen::Unix(path.into()))];
        AdminSettings { listeners, location: NotCompared(location), tap: TapLevel::Off }
    }

    fn problem_of(settings: &AdminSettings) -> String {
        look(settings).1[0].to_string()
    }

    #[test]
    fn a_socket_that_was_asked_for_needs_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();

        assert!(look(&written(folder.path().join("admin.sock"))).1.is_empty());
        for (folder, said) in [(missing, "there is no folder"), (file, "is no folder")] {
            let problem = problem_of(&written(folder.join("admin.sock")));
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
            let problem = problem_of(&written(path));
            assert!(problem.contains("is there already, and no socket"), "{problem}");
        }
        assert!(look(&written(socket)).1.is_empty());
    }

    #[test]
    fn its_folder_is_one_that_this_user_may_write_to() {
        // Nobody may write there, root neither.
        let problem = problem_of(&written("/proc/self/admin.sock"));
        assert!(problem.contains("this user can make no socket in /proc/self: "), "{problem}");
    }

    #[test]
    fn nobody_who_did_not_ask_needs_one() {
        let unwritten = AdminSettings { location: NotCompared::default(), ..written("/nowhere/admin.sock") };
        assert!(look(&unwritten).1.is_empty());
        let off = AdminSettings { listeners: Vec::new(), ..written("/nowhere/admin.sock") };
        assert!(look(&off).1.is_empty());
    }
}
