//! Whether the admin socket has a folder to stand in.

use std::path::Path;

use crate::config::{AdminListen, AdminSettings, Problem, Warning};

/// Looks for the folder of an admin socket that somebody has asked for: without it, there is no start.
///
/// That of the usual socket is made by the systemd unit, at each start: where it is missing, a warning.
pub(super) fn look(settings: &AdminSettings) -> Result<Option<Warning>, Problem> {
    let AdminListen::Unix(path) = &settings.listen else { return Ok(None) };
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !settings.is_written() || folder.is_dir() {
        return Ok(None);
    }
    let problem = match folder.exists() {
        true => format!("{} is no folder", folder.display()),
        false => format!("there is no folder {}", folder.display()),
    };
    if settings.listen == AdminListen::default() {
        let hint =
            format!("the systemd unit makes it; without that, `mkdir {}` before windlass starts", folder.display());
        return Ok(Some(Warning::new(settings.place.clone(), problem, hint)));
    }
    let hint = "make it, or write a path in a folder that is there, such as \"unix:/tmp/windlass.sock\"";
    Err(Problem::new(settings.place.clone(), problem, hint))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Place, Position};

    fn written(listen: AdminListen) -> AdminSettings {
        let position = Some(Position { line: 1, column: 1 });
        AdminSettings { listen, place: Place { position, ..Place::default() } }
    }

    #[test]
    fn a_socket_that_was_asked_for_needs_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &Path| AdminListen::Unix(path.join("admin.sock"));
        let missing = folder.path().join("missing");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();

        assert!(look(&written(at(folder.path()))).unwrap().is_none());
        let problem = look(&written(at(&missing))).unwrap_err().to_string();
        assert!(problem.contains(&format!("there is no folder {}", missing.display())), "{problem}");
        let problem = look(&written(at(&file))).unwrap_err().to_string();
        assert!(problem.contains("is no folder"), "{problem}");
    }

    #[test]
    fn nobody_who_did_not_ask_needs_one() {
        let default = AdminSettings { listen: AdminListen::default(), place: Place::default() };
        assert!(look(&default).unwrap().is_none());
        assert!(look(&written(AdminListen::Off)).unwrap().is_none());
    }
}
