//! The log in a file: which one, and what becomes of its lines when somebody moves it away.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::site::{count, folder, get, lines, site, start};
use crate::operate::operator::text;
use crate::rig::{Folder, PROGRAM, Wire, command, output, signal, until};

async fn in_a_file() -> Folder {
    folder(async |root| site(&format!("to = \"{}\"", root.join("windlass.log").display())).await).await
}

#[tokio::test]
async fn a_file_that_is_moved_away_and_a_signal_lose_no_line_under_load() {
    const EXCHANGES: usize = 3000;
    let folder = in_a_file().await;
    let windlass = start(&folder).await;
    let path = folder.path("windlass.log");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    let address = windlass.public().await;
    let load = tokio::spawn(async move {
        let mut client = Wire::connect(address).await;
        for _ in 0..EXCHANGES {
            assert_eq!(get(&mut client, "/own").await, 200);
        }
    });

    let mut moved = Vec::new();
    while !load.is_finished() {
        let to = folder.path(&format!("windlass.log.{}", moved.len()));
        fs::rename(&path, &to).unwrap();
        windlass.signal(Signal::USR1);
        until("another file", || path.exists()).await;
        moved.push(to);
    }
    load.await.unwrap();
    assert!(moved.len() > 2, "{moved:?}");
    let written = || moved.iter().chain([&path]).map(|path| count(&lines(path), "exchange")).sum::<usize>();
    until("every exchange to have its line", || written() >= EXCHANGES).await;
    assert_eq!(written(), EXCHANGES);
    assert_eq!(folder.log(), "", "nothing on standard error");
}

#[tokio::test]
async fn where_the_folder_is_gone_the_old_file_is_written_on_until_there_is_one_again() {
    let folder = folder(async |root| {
        fs::create_dir(root.join("logs")).unwrap();
        site(&format!("to = \"{}\"", root.join("logs/windlass.log").display())).await
    })
    .await;
    let windlass = start(&folder).await;
    let (logs, moved) = (folder.path("logs"), folder.path("moved"));
    fs::rename(&logs, &moved).unwrap();
    windlass.signal(Signal::USR1);

    let old = moved.join("windlass.log");
    let failed = |text: &str| text.contains("the log cannot be opened again");
    until("the failure in the old file", || failed(&fs::read_to_string(&old).unwrap())).await;
    folder.until_logged(&["the log cannot be opened again", "windlass.log"]).await;
    assert_eq!(get(&mut Wire::connect(windlass.public().await).await, "/own").await, 200);
    until("the exchange in the old file", || count(&lines(&old), "exchange") == 1).await;

    fs::create_dir(&logs).unwrap();
    until("a new file", || logs.join("windlass.log").exists()).await;
    assert_eq!(get(&mut Wire::connect(windlass.public().await).await, "/own").await, 200);
    until("the exchange in the new file", || count(&lines(&logs.join("windlass.log")), "exchange") == 1).await;
}

#[tokio::test]
async fn after_a_handoff_the_process_that_drains_opens_its_file_again_too() {
    let folder = in_a_file().await;
    let text = fs::read_to_string(folder.config()).unwrap();
    folder.configure(&text.replace("[drain.handoff]", "[drain.handoff]\ntunnels = \"drain\""));
    let windlass = start(&folder).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let successor = windlass.hand_off().await;

    let (path, moved) = (folder.path("windlass.log"), folder.path("windlass.log.1"));
    fs::rename(&path, &moved).unwrap();
    signal(successor.id(), Signal::USR1);
    until("another file", || path.exists()).await;
    client.assert_open().await;
    // Each process says so in the file that it has opened.
    let opened_again = |pid: u32| {
        lines(&path)
            .iter()
            .any(|line| line["pid"] == pid && line["message"] == "SIGUSR1: the files of the log are opened again")
    };
    until("both processes in the new file", || opened_again(windlass.id()) && opened_again(successor.id())).await;
    drop(client);
    until("the end of the tunnel in the new file", || count(&lines(&path), "tunnel ended") == 1).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_no_start_and_no_reload() {
    let nowhere = "to = \"/nowhere/windlass.log\"";
    let folder = Folder::new(&site(nowhere).await);
    let failed = output(command(PROGRAM).args(["run", "-c"]).arg(folder.config())).await;
    assert_eq!(failed.status.code(), Some(1));
    let said = text(&failed);
    assert!(said.contains("log.to: cannot open /nowhere/windlass.log: ") && said.contains("make the folder"), "{said}");

    let foretold = output(command(PROGRAM).args(["check", "-c"]).arg(folder.config())).await;
    assert_eq!(foretold.status.code(), Some(2));
    assert!(text(&foretold).contains("log.to: cannot open /nowhere/windlass.log: "), "{}", text(&foretold));

    folder.configure(&site("").await);
    let windlass = start(&folder).await;
    for wrong in [nowhere, "access = \"/nowhere/access.log\""] {
        folder.configure(&site(wrong).await);
        let planned = windlass.ask(&["plan"]).await;
        assert_eq!(planned.status.code(), Some(2));
        assert!(text(&planned).contains("cannot open /nowhere/"), "{}", text(&planned));
        let refused = windlass.ask(&["reload"]).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused).contains("cannot open /nowhere/"), "{}", text(&refused));
    }
}

#[tokio::test]
async fn a_named_pipe_is_said_to_need_its_reader_before_a_start_and_before_a_reload() {
    let folder = folder(async |_| site("").await).await;
    let pipe = folder.path("access.pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let windlass = start(&folder).await;
    folder.configure(&site(&format!("access = \"{}\"", pipe.display())).await);

    let says = |said: &str| said.contains("log.access: ") && said.contains("only while something reads it");
    let checked = output(command(PROGRAM).args(["check", "-c"]).arg(folder.config())).await;
    assert!(checked.status.success() && says(&text(&checked)), "{}", text(&checked));
    let planned = windlass.ask(&["plan"]).await;
    assert!(says(&text(&planned)), "{}", text(&planned));
    let refused = windlass.ask(&["reload"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("nothing reads that named pipe"), "{}", text(&refused));
}

#[tokio::test]
async fn a_reload_moves_the_log_and_closes_no_tunnel() {
    let folder = folder(async |_| site("").await).await;
    let windlass = start(&folder).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let path = folder.path("windlass.log");
    let config = fs::read_to_string(folder.config()).unwrap();
    folder.configure(&config.replace("[log]", &format!("[log]\nto = \"{}\"\nformat = \"json\"", path.display())));
    assert!(windlass.ask(&["reload"]).await.status.success());

    client.assert_open().await;
    drop(client);
    until("the end of the tunnel in the file", || count(&lines(&path), "tunnel ended") == 1).await;
    assert!(!folder.log().contains("tunnel ended"), "{}", folder.log());
}
