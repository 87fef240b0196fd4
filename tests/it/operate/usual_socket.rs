//! Operators where no configuration says where they are listened to.

use std::path::Path;

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
