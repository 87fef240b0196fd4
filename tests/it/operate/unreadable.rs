//! Files that cannot be read to their end, and files that take long.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;
use windlass::admin::{Client, PlanAnswer, PlanRequest, Status};
use windlass::config::AdminListen;

use crate::operate::held::Held;
use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Folder, PROGRAM, Program, command, output, until_async, within};

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

#[tokio::test]
async fn a_file_without_an_end_is_refused_by_plan_and_by_reload() {
    let config = two_endpoints().await;
    let mut windlass = Program::start(&config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let admin = Client::new(AdminListen::Unix(windlass.folder().socket()));
    let new = windlass.folder().path("new.toml");
    fifo(&new);

    for (file, what) in [(new.as_path(), "it is a FIFO, not a file"), (Path::new("/dev/zero"), "it is a device")] {
        let request = PlanRequest { file: file.into() };
        let planned = admin.post::<PlanAnswer>("/plan", &request);
        let refused = within("an answer", planned).await.unwrap_err().to_string();
        assert!(refused.contains(what) && refused.contains("hint: write it to a file"), "{refused}");
    }
    let key = config.replace("[route", &format!("tls = {{ chain = {new:?}, key = {new:?} }}\n[route"));
    windlass.folder().configure(&key);
    let refused = windlass.ask(&["reload"]).await;
    assert!(text(&refused).contains("cannot be read: it is a FIFO, not a file"), "{}", text(&refused));
    let large = fs::File::create(windlass.folder().config()).unwrap();
    large.set_len(17 * 1024 * 1024).unwrap();
    windlass.signal(Signal::HUP);
    until_async("the refusal", async || windlass.folder().log().contains("it is larger than 16 MiB")).await;

    client.assert_open().await;
    windlass.signal(Signal::TERM);
    client.closed().await;
    assert!(windlass.exit().await.success());
}

#[tokio::test]
async fn neither_a_start_nor_a_check_waits_for_a_file_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("windlass.toml");
    fifo(&file);
    for verb in ["run", "check", "status"] {
        let output = output(command(PROGRAM).args([verb, "-c"]).arg(&file)).await;
        assert_eq!(output.status.code(), Some(2), "{verb}");
        assert!(text(&output).contains("cannot be read: it is a FIFO, not a file"), "{}", text(&output));
    }
}

#[tokio::test]
async fn a_file_that_hangs_holds_up_neither_looks_nor_a_stop() {
    let config = two_endpoints().await;
    let mut windlass = Program::start(&config).await;
    let admin = Client::new(AdminListen::Unix(windlass.folder().socket()));
    let file = windlass.folder().path("new.toml");
    fs::write(&file, config).unwrap();
    let held = Held::hold(&file);

    let request = PlanRequest { file };
    let planned = admin.post::<PlanAnswer>("/plan", &request);
    let stopped = async {
        held.is_opened().await;
        assert_eq!(admin.get::<Status>("/status").await.unwrap().value.phase, "serving");
        windlass.signal(Signal::TERM);
    };
    let (planned, ()) = within("a stop", async { tokio::join!(planned, stopped) }).await;

    let refused = planned.unwrap_err().to_string();
    assert!(refused.contains("is stopping"), "{refused}");
    assert!(windlass.exit().await.success());
    drop(held);
}

#[tokio::test]
async fn a_start_that_hangs_at_its_file_can_be_stopped() {
    let folder = Folder::new(&two_endpoints().await);
    let held = Held::hold(&folder.config());
    let mut windlass = Program::start_in(&folder);
    held.is_opened().await;

    windlass.signal(Signal::TERM);

    assert!(windlass.exit().await.success());
}
