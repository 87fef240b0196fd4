//! Operators where no configuration says where they are listened to.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Folder, PROGRAM, Program, command, output};

async fn folder() -> Folder {
    Folder::new(&two_endpoints().await.replace("[admin]\nlisten = \"ADMIN\"\n", ""))
}

async fn status(folder: &Folder, runtime_directory: Option<&Path>) -> String {
    let mut ask = command(PROGRAM);
    ask.args(["status", "-c"]).arg(folder.config());
    if let Some(directory) = runtime_directory {
        ask.env("XDG_RUNTIME_DIR", directory);
    }
    text(&output(&mut ask).await)
}

#[tokio::test]
async fn the_socket_is_in_the_folder_that_the_system_gave_this_user_and_the_commands_find_it_there() {
    let (folder, runtime) = (folder().await, tempfile::tempdir().unwrap());
    let mut run = folder.command(PROGRAM, &[]);
    run.env("XDG_RUNTIME_DIR", runtime.path());
    let windlass = Program::spawn(&folder, run).ready().await;
    assert!(runtime.path().join("windlass.sock").exists(), "{}", folder.log());
    let said = status(&folder, Some(runtime.path())).await;
    assert!(said.contains(&format!("process {}", windlass.id())), "{said}");
}

#[tokio::test]
async fn where_there_is_no_such_folder_the_socket_is_beside_the_file() {
    let folder = folder().await;
    let windlass = Program::start_in(&folder).ready().await;
    let said = status(&folder, None).await;
    assert!(said.contains(&format!("process {}", windlass.id())), "{said}");
    assert!(folder.path("windlass.sock").exists(), "{}", folder.log());
}

#[tokio::test]
async fn where_there_is_no_place_it_serves_without_and_says_of_each_why_not() {
    let folder = folder().await;
    let here = folder.path("windlass.toml").parent().unwrap().to_owned();
    fs::set_permissions(&here, Permissions::from_mode(0o777)).unwrap();
    let _windlass = Program::start_in(&folder).ready().await;
    let log = folder.log();
    for why in
        [format!("nor in {}, where others may write", here.display()).as_str(), "$XDG_RUNTIME_DIR, which is not set"]
    {
        assert!(log.contains(why), "{why}: {log}");
    }
}

#[tokio::test]
async fn where_nobody_is_found_it_is_said_where_was_looked_and_where_another_session_listens() {
    let folder = folder().await;
    for runtime_directory in [None, Some(Path::new(""))] {
        let said = status(&folder, runtime_directory).await;
        assert!(said.contains(&format!(", nor at {}", folder.path("windlass.sock").display())), "{said}");
        assert!(said.contains("XDG_RUNTIME_DIR is not set here") && said.contains("--admin unix:/PATH"), "{said}");
    }
}

#[tokio::test]
async fn two_processes_of_one_user_have_a_socket_each_and_nobody_is_asked_in_the_place_of_another() {
    let ([one, other], runtime) = ([folder().await, folder().await], tempfile::tempdir().unwrap());
    let serve = async |folder: &Folder| {
        let mut run = folder.command(PROGRAM, &[]);
        run.env("XDG_RUNTIME_DIR", runtime.path());
        Program::spawn(folder, run).ready().await
    };
    let (first, mut second) = (serve(&one).await, serve(&other).await);
    for (folder, program) in [(&one, &first), (&other, &second)] {
        let said = status(folder, Some(runtime.path())).await;
        assert!(said.contains(&format!("process {}", program.id())), "{said}");
    }
    second.signal(Signal::TERM);
    second.exit().await;
    let said = status(&other, Some(runtime.path())).await;
    assert!(said.contains(&format!("process {}, which listens at", first.id())) && said.contains("and not"), "{said}");
}

#[tokio::test]
async fn a_reload_opens_another_socket_where_its_folder_has_gone() {
    let (folder, runtime) = (folder().await, tempfile::tempdir().unwrap());
    let mut run = folder.command(PROGRAM, &[]);
    run.env("XDG_RUNTIME_DIR", runtime.path());
    let windlass = Program::spawn(&folder, run).ready().await;
    drop(runtime);
    windlass.signal(Signal::HUP);
    folder.until("another socket", || folder.path("windlass.sock").exists()).await;
    let said = status(&folder, None).await;
    assert!(said.contains(&format!("process {}", windlass.id())), "{said}");
}
