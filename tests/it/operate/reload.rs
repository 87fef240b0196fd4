//! `windlass reload`.

use windlass::admin::{Client, ReloadAnswer, Status};
use windlass::config::AdminListen;

use crate::operate::held::Held;
use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{PROGRAM, Program, command, output, until_async};

#[tokio::test]
async fn a_reload_says_what_it_changed() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let unchanged = windlass.ask(&["reload"]).await;
    assert_eq!(unchanged.status.code(), Some(0));
    let file = windlass.folder().config().display().to_string();
    assert_eq!(text(&unchanged), format!("read {file}: nothing has changed; serving generation 1\n"));

    windlass.folder().configure(
        &config.replace("[upstream.chat]", "[route.more]\npath = \"/more\"\nupstream = \"chat\"\n[upstream.chat]"),
    );
    let changed = windlass.ask(&["reload"]).await;
    assert_eq!(changed.status.code(), Some(0));
    assert!(text(&changed).starts_with(&format!("read {file}\nroute more added")), "{}", text(&changed));
    assert!(text(&changed).contains("generation 2"), "{}", text(&changed));
    let people = text(&windlass.ask(&["status"]).await);
    assert!(people.contains(&format!("generation 2 of {file}; reloads: 1 changed")), "{people}");
    let status = windlass.status().await;
    assert_eq!((&status["reloads"]["changed"], &status["reloads"]["unchanged"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn who_names_another_file_is_told_which_one_was_read() {
    let windlass = Program::start(&two_endpoints().await).await;
    let (file, new) = (windlass.folder().config(), windlass.folder().path("new.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &new,
        text.replace("[upstream.chat]", "[route.more]\npath = \"/more\"\nupstream = \"chat\"\n[upstream.chat]"),
    )
    .unwrap();
    let reloaded = windlass.ask_with(&new, &["reload"]).await;
    assert!(reloaded.status.success());
    let answer = String::from_utf8(reloaded.stdout).unwrap();
    assert_eq!(answer, format!("read {}: nothing has changed; serving generation 1\n", file.display()));
    let warning = String::from_utf8(reloaded.stderr).unwrap();
    assert!(warning.starts_with(&format!("warning: {} only said where to ask", new.display())), "{warning}");
}

#[tokio::test]
async fn a_refused_reload_exits_with_1_and_says_why() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    windlass.folder().configure(&config.replace("upstream = \"chat\"", "upstream = \"chatt\""));
    let refused = windlass.ask(&["reload"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("there is no upstream \"chatt\""), "{}", text(&refused));
    let last = "the reload is refused: what was served before is served on, and nothing has changed\n";
    assert!(text(&refused).ends_with(last), "{}", text(&refused));
    let status = windlass.status().await;
    assert_eq!((&status["generation"], &status["reloads"]["refused"]), (&1.into(), &1.into()));
    assert!(status["reloads"]["last_refusal"].as_str().unwrap().contains("chatt"));
    client.assert_open().await;

    windlass.folder().configure(&config);
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert!(windlass.status().await["reloads"]["last_refusal"].is_null(), "it was not refused this time");
}

#[tokio::test]
async fn a_reload_that_moves_the_admin_listener_is_asked_for_where_it_was_or_by_a_signal() {
    let config = two_endpoints().await;
    let without = config.replace("[admin]\nlisten = \"ADMIN\"\n", "");
    let windlass = Program::start(&without).await;
    let moved = config.replace("ADMIN", &format!("unix:{}", windlass.folder().path("moved.sock").display()));
    windlass.folder().configure(&moved);
    let reloaded = windlass.ask(&["reload"]).await;
    assert!(reloaded.status.success(), "{}", text(&reloaded));
    assert!(text(&reloaded).contains("yet: asked at unix:"), "{}", text(&reloaded));
    assert!(windlass.ask(&["reload"]).await.status.success(), "it listens there now");

    // Nobody can guess where it is now.
    windlass.folder().configure(&moved.replace("moved.sock", "again.sock"));
    let lost = windlass.ask(&["reload"]).await;
    assert_eq!(lost.status.code(), Some(1));
    assert!(text(&lost).contains("--admin OLD") && text(&lost).contains("kill -HUP PID"), "{}", text(&lost));
    let old = format!("unix:{}", windlass.folder().path("moved.sock").display());
    assert!(windlass.ask(&["reload", "--admin", &old]).await.status.success());
}

#[tokio::test]
async fn triggers_during_a_reload_cause_exactly_one_more() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let socket = windlass.folder().socket();
    let held = Held::hold(&windlass.folder().config());
    let client = Client::new(AdminListen::Unix(socket));
    let reload = || {
        let client = client.clone();
        tokio::spawn(async move { client.post::<ReloadAnswer>("/reload", &()).await })
    };
    let unchanged = async || client.get::<Status>("/status").await.unwrap().value.reloads.unchanged;

    let mut asked = vec![reload()];
    held.is_opened().await;
    asked.extend((0..20).map(|_| reload()));
    windlass.signal(rustix::process::Signal::HUP);
    // Connections are accepted in order: when these are answered, those before them have been heard.
    for _ in 0..30 {
        assert_eq!(unchanged().await, 0);
    }
    drop(held);
    for answer in asked {
        assert!(answer.await.unwrap().unwrap().value.changes.is_empty());
    }
    assert_eq!(unchanged().await, 2);
    // The log is written after what it tells of.
    let begun = || windlass.folder().log().matches("a reload begins").count();
    until_async("two reloads in the log", async || begun() >= 2).await;
    assert_eq!(begun(), 2);
}

#[tokio::test]
async fn the_admin_listener_moves_with_a_reload() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let old = windlass.folder().path("old.toml");
    std::fs::copy(windlass.folder().config(), &old).unwrap();
    let moved = format!("unix:{}", windlass.folder().path("moved.sock").display());
    windlass.folder().configure(&config.replace("ADMIN", &moved));
    let reloaded = windlass.ask_with(&old, &["reload"]).await;
    assert_eq!(reloaded.status.code(), Some(0), "{}", text(&reloaded));
    assert!(windlass.ask(&["status"]).await.status.success(), "it answers at the new place");
    let gone = windlass.ask_with(&old, &["status"]).await;
    assert_eq!(gone.status.code(), Some(1), "{}", text(&gone));

    windlass.folder().configure(&config.replace("ADMIN", "unix:/nowhere/at/all.sock"));
    let refused = windlass.ask(&["reload", "--admin", &moved]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("admin.listen: there is no folder /nowhere/at"), "{}", text(&refused));
}

/// As systemd does it, which says who the service is.
async fn reload_by_systemd(windlass: &Program) -> (Option<i32>, String) {
    let mut reload = command(PROGRAM);
    reload.args(["reload", "-c"]).arg(windlass.folder().config()).env("MAINPID", windlass.id().to_string());
    let output = output(&mut reload).await;
    (output.status.code(), text(&output))
}

#[tokio::test]
async fn systemd_reloads_where_nobody_can_be_asked() {
    let config = two_endpoints().await.replace("listen = \"ADMIN\"", "listen = \"off\"");
    let windlass = Program::start(&config).await;
    windlass.folder().configure(&config.replace("upstream = \"chat\"", "upstream = \"chatt\""));
    let (code, said) = reload_by_systemd(&windlass).await;
    assert!(code == Some(2) && said.contains("there is no upstream \"chatt\""), "{code:?} {said}");

    windlass
        .folder()
        .configure(&config.replace("path = \"/\"", "").replace("[route.chat]", "[route.chat]\npath = \"/chat\""));
    let (code, said) = reload_by_systemd(&windlass).await;
    let expected = format!("process {} reads its file again", windlass.id());
    assert!(code == Some(0) && said.contains(&expected), "{code:?} {said}");
    until_async("the reload", async || windlass.folder().log().contains("route chat changed")).await;
    assert!(!windlass.folder().log().contains("reload refused"), "a wrong file is not worth a signal");
}

#[tokio::test]
async fn systemd_hears_of_a_refusal_from_the_process_where_it_can_be_asked() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    assert_eq!(reload_by_systemd(&windlass).await.0, Some(0));
    windlass.folder().configure(&config.replace("upstream = \"chat\"", "upstream = \"chatt\""));
    let (code, said) = reload_by_systemd(&windlass).await;
    assert!(code == Some(1) && said.contains("there is no upstream \"chatt\""), "{code:?} {said}");
    assert_eq!(windlass.status().await["reloads"]["refused"], 1);
}

#[tokio::test]
async fn a_reload_says_what_became_of_which_value_and_what_it_drains() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let heavier = config
        .replace("name = \"a\",", "name = \"a\", weight = 3,")
        .replace("[drain.reload]\ndeadline = \"3s\"", "[drain.reload]\ndeadline = \"4s\"");
    windlass.folder().configure(&heavier);
    let said = text(&windlass.ask(&["reload"]).await);
    assert!(said.contains("upstream chat changed: weight of a: 1 → 3\n"), "{said}");
    assert!(said.contains("drain changed: reload.deadline: 3s → 4s\n"), "{said}");
    assert!(windlass.folder().log().contains("weight of a: 1 → 3"), "{}", windlass.folder().log());

    let client = windlass.client("somebody").await.unwrap();
    windlass.folder().configure(&heavier.replace("[route.chat]", "[route.other]"));
    assert!(windlass.ask(&["reload"]).await.status.success());
    client.closed().await;
    let line_with =
        |parts: &[&str]| windlass.folder().log().lines().any(|line| parts.iter().all(|part| line.contains(part)));
    until_async("the word about the drain", async || line_with(&["\"drained\"", "\"tunnels\":1"])).await;
    assert!(line_with(&["\"reloaded\"", "\"drains\":1"]), "{}", windlass.folder().log());
    assert!(
        line_with(&["\"drain begins\""]) && !windlass.folder().log().contains("99999"),
        "{}",
        windlass.folder().log()
    );
}

#[tokio::test]
async fn a_reload_tells_a_change_by_the_words_of_the_file_that_was_read_last() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let reworded = config.replace("[drain.stop]\ndeadline = \"2s\"", "[drain.stop]\ndeadline = \"2000ms\"");
    windlass.folder().configure(&reworded);
    let said = text(&windlass.ask(&["reload"]).await);
    assert!(said.contains("nothing has changed; serving generation 1\n"), "{said}");

    windlass
        .folder()
        .configure(&reworded.replace("[drain.reload]\ndeadline = \"3s\"", "[drain.reload]\ndeadline = \"4s\""));
    let said = text(&windlass.ask(&["reload"]).await);
    assert!(said.contains("drain changed: reload.deadline: 3s → 4s\n"), "{said}");
}
