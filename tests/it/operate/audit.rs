//! The line that each command of an operator leaves.

use serde_json::Value;

use crate::operate::two_endpoints;
use crate::rig::Program;

#[tokio::test]
async fn each_command_leaves_one_line_that_says_who_what_and_what_came_of_it() {
    let windlass = Program::start(&two_endpoints().await).await;
    let _client = windlass.client("somebody").await.unwrap();
    let secret = "eyJhbGciOiJIUzI1NiJ9";
    let commands: &[(&[&str], &str, u16, &str)] = &[
        (&["reload"], "/reload", 200, ""),
        (&["plan"], "/plan", 200, "windlass.toml"),
        (&["drain", "endpoint/chat/b", "--detach"], "/drain", 200, "endpoint/chat/b"),
        (&["drain", "route/nowhere", "--detach"], "/drain", 404, "route/nowhere"),
        (&["undrain", "chat/b"], "/undrain", 200, "chat/b"),
        (&["close", "4711"], "/close", 404, "4711"),
        (&["close", "--claim", "sub=ada"], "/close", 200, "sub=ada"),
    ];
    for (command, ..) in commands {
        windlass.ask(command).await;
    }
    // What is not understood may be a secret in the wrong place.
    let request = format!("{{\"claims\": [\"{secret}\"]}}");
    let socket = windlass.folder().socket();
    let client = windlass::admin::Client::new(windlass::config::AdminListen::Unix(socket));
    let wrong: Value = serde_json::from_str(&request).unwrap();
    client.post::<Value>("/close", &wrong).await.unwrap_err();
    // A look leaves none.
    windlass.status().await;
    let handed_over = windlass.hand_off().await;

    windlass.folder().until_logged(&["\"operator\"", "/handoff"]).await;
    let log = windlass.folder().log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let lines: Vec<_> = lines.into_iter().filter(|line| line["message"] == "operator").collect();
    assert_eq!(lines.len(), commands.len() + 2, "{lines:#?}");
    let uid = rustix::process::geteuid().as_raw();
    for ((command, path, status, asked), line) in commands.iter().zip(&lines) {
        assert_eq!((&line["path"], &line["status"]), (&(*path).into(), &(*status).into()), "{command:?}: {line}");
        assert_eq!(line["level"], "INFO");
        assert!(line["who"].as_str().unwrap().contains(&format!("uid {uid}")), "{line}");
        assert!(line["from"].as_str().unwrap().starts_with("process "), "{line}");
        assert!(line["listen"].as_str().unwrap().starts_with("unix:"), "{line}");
        assert!(asked.is_empty() || line["asked"].as_str().unwrap().contains(asked), "{line}");
        assert_eq!(line["error"].is_string(), *status != 200, "{line}");
    }
    let [wrong, handoff] = &lines[commands.len()..] else { panic!("{lines:#?}") };
    assert!(wrong["status"] == 400 && wrong.get("asked").is_none(), "{wrong}");
    assert!(!log.contains(secret), "{log}");
    assert_eq!(handoff["path"], "/handoff");
    drop(handed_over);
}
