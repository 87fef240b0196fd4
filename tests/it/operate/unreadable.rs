//! Files that cannot be read to their end, and files that take long.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Signal, kill_process};
use tokio::process::Command;
use tokio::time::timeout;
use windlass::admin::{Client, PlanAnswer, PlanRequest, Status};
use windlass::config::AdminListen;

use crate::operate::held::Held;
use crate::operate::process::{Windlass, text, wait_for};
use crate::operate::two_endpoints;
use crate::rig::PATIENCE;

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

#[tokio::test]
async fn a_file_without_an_end_is_refused_by_plan_and_by_reload() {
    let config = two_endpoints().await;
    let windlass = Windlass::start(&config).await;
    let mut client = windlass.connect("somebody").await.unwrap();
    let admin = Client::new(AdminListen::Unix(windlass.socket()));
    let new = windlass.folder.path().join("new.toml");
    fifo(&new);

    for (file, what) in [(new.as_path(), "it is a FIFO, not a file"), (Path::new("/dev/zero"), "it is a device")] {
        let request = PlanRequest { file: file.into() };
        let planned = admin.post::<PlanAnswer>("/plan", &request);
        let refused = timeout(PATIENCE, planned).await.expect("an answer").unwrap_err().to_string();
        assert!(refused.contains(what) && refused.contains("hint: write it to a file"), "{refused}");
    }
    let key = config.replace("[route", &format!("tls = {{ chain = {new:?}, key = {new:?} }}\n[route"));
    windlass.rewrite(&key);
    let refused = windlass.ask(&["reload"]).await;
    assert!(text(&refused).contains("cannot be read: it is a FIFO, not a file"), "{}", text(&refused));
    let large = fs::File::create(windlass.config()).unwrap();
    large.set_len(17 * 1024 * 1024).unwrap();
    kill_process(windlass.pid(), Signal::HUP).unwrap();
    wait_for("the refusal", async || windlass.log().contains("it is larger than 16 MiB")).await;

    client.assert_open().await;
    kill_process(windlass.pid(), Signal::TERM).unwrap();
    client.closed().await;
    assert!(windlass.ended().await);
}

#[tokio::test]
async fn neither_a_start_nor_a_check_waits_for_a_file_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("windlass.toml");
    fifo(&file);
    for command in ["run", "check", "status"] {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_windlass"));
        let output = asked.args([command, "-c"]).arg(&file).kill_on_drop(true).output();
        let output = timeout(PATIENCE, output).await.expect("it ends").unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(text(&output).contains("cannot be read: it is a FIFO, not a file"), "{}", text(&output));
    }
}

#[tokio::test]
async fn a_file_that_hangs_holds_up_neither_looks_nor_a_stop() {
    let config = two_endpoints().await;
    let windlass = Windlass::start(&config).await;
    let admin = Client::new(AdminListen::Unix(windlass.socket()));
    let file = windlass.folder.path().join("new.toml");
    fs::write(&file, config).unwrap();
    let held = Held::hold(&file);

    let request = PlanRequest { file };
    let planned = admin.post::<PlanAnswer>("/plan", &request);
    let stopped = async {
        held.is_opened().await;
        assert_eq!(admin.get::<Status>("/status").await.unwrap().value.phase, "serving");
        kill_process(windlass.pid(), Signal::TERM).unwrap();
    };
    let (planned, ()) = timeout(PATIENCE, async { tokio::join!(planned, stopped) }).await.expect("a stop");

    let refused = planned.unwrap_err().to_string();
    assert!(refused.contains("is stopping"), "{refused}");
    assert!(windlass.ended().await);
    drop(held);
}

#[tokio::test]
async fn a_start_that_hangs_at_its_file_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("windlass.toml");
    fs::write(&file, two_endpoints().await).unwrap();
    let held = Held::hold(&file);
    let windlass = Windlass::start_in(folder);
    held.is_opened().await;

    kill_process(windlass.pid(), Signal::TERM).unwrap();

    assert!(windlass.ended().await);
}
