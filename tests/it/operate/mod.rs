//! Operators and a running process: the commands, what they answer, and how they exit.

mod admin_listeners;
mod audit;
mod check;
mod drain;
mod feed;
mod first;
mod full;
mod handoff;
mod held;
pub(crate) mod metrics;
mod no_descriptors;
pub(crate) mod operator;
pub(crate) mod peers;
mod placement;
mod plan;
mod predecessors;
mod reload;
mod signals;
mod stop;
mod stuck_log;
mod tap;
mod tcp;
mod tunnels;
mod unreadable;
mod usual_socket;
mod watch;

use crate::rig::{PROGRAM, Program, command, output};
use operator::text;
use peers::endpoint;

/// Two endpoints; `k` in the query decides who is placed where.
async fn two_endpoints() -> String {
    let (a, b) = (endpoint("a").await, endpoint("b").await);
    format!(
        r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
sticky_on = ["query:k"]
endpoints = [{{ name = "a", address = "{a}" }}, {{ name = "b", address = "{b}" }}]
[drain.stop]
deadline = "2s"
spread = "1s"
[drain.reload]
deadline = "3s"
spread = "1s"
[admin]
listen = "ADMIN"
"#
    )
}

#[tokio::test]
async fn status_is_a_table_for_people_and_json_for_scripts() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let people = windlass.ask(&["status"]).await;
    assert_eq!(people.status.code(), Some(0));
    assert!(text(&people).contains("ENDPOINT"), "{}", text(&people));
    let status = windlass.status().await;
    assert_eq!(
        (&status["phase"], &status["generation"], &status["tunnels"]),
        (&"serving".into(), &1.into(), &1.into())
    );
    assert_eq!(status["routes"][0]["tunnels"], 1);
    client.assert_open().await;
}

#[tokio::test]
async fn where_nobody_serves_a_command_fails_and_says_where_it_asked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let admin = format!("unix:{}", socket.display());
    let output = output(command(PROGRAM).args(["status", "--admin", &admin])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains(&admin), "{}", text(&output));
}

#[tokio::test]
async fn a_second_process_finds_the_admin_socket_in_use() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let second = output(command(PROGRAM).args(["run", "-c"]).arg(windlass.folder().config())).await;
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("admin.listen: cannot listen at unix:"), "{}", text(&second));
    assert!(text(&second).contains("another process"), "{}", text(&second));
    assert!(windlass.ask(&["status"]).await.status.success());
}

#[tokio::test]
async fn the_help_says_what_a_file_is_to_a_command() {
    let where_to_ask = "Only says where to ask, by its [admin]; the process reads its own file";
    let planned = "The file that a reload would read; its [admin] says where to ask, unless --admin is given";
    for (verb, expected) in [
        ("status", where_to_ask),
        ("reload", where_to_ask),
        ("drain", where_to_ask),
        ("undrain", where_to_ask),
        ("handoff", where_to_ask),
        ("plan", planned),
    ] {
        let help = output(command(PROGRAM).args([verb, "--help"])).await;
        let help = text(&help).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(expected), "{verb}: {help}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_exits_with_2() {
    let windlass = Program::start(&two_endpoints().await).await;
    let long = "x".repeat(124);
    for (wrong, said) in [
        (&["drain", "everything"][..], "write all"),
        (&["drain", "all", "--deadline", "30"], "has no unit"),
        (&["drain", "all", "--code", "1005"], "write 1000"),
        (&["drain", "all", "--max-per-second", "0"], "write a number of tunnels from 1"),
        (&["drain", "all", "--reason", &long], "write 123 bytes at the most"),
        (&["undrain", "b"], "UPSTREAM/NAME"),
        (&["status", "--admin", "localhost:80"], "write \"127.0.0.1:80\""),
    ] {
        let output = windlass.ask(wrong).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", text(&output));
        assert!(text(&output).contains(said), "{wrong:?}: {}", text(&output));
    }
}
