//! What an operator sees of one tunnel's messages.

use serde_json::{Value, json};

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::Program;

/// The number of the tunnel that is open.
async fn id(windlass: &Program) -> String {
    let output = windlass.ask(&["tunnels", "--json"]).await;
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["tunnels"][0]["id"].to_string()
}

/// What a tap tells while a client says something, up to the end of its tunnel.
async fn seen(config: &str) -> Vec<Value> {
    let windlass = Program::start(config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let id = id(&windlass).await;
    let arguments = ["tap", &id, "--json", "--cut", "8"];
    let talk = async {
        windlass.folder().until_logged(&["\"operator\"", "\"/tap\""]).await;
        assert_eq!(client.echo("hello ☃").await, "hello ☃");
        drop(client);
    };
    let (output, ()) = tokio::join!(windlass.ask(&arguments), talk);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn messages_are_shown_cut_to_a_size_where_that_is_allowed() {
    let lines = seen(&two_endpoints().await.replace("[admin]", "[admin]\ntap = \"messages\"")).await;
    assert_eq!((&lines[0]["what"], &lines[0]["level"]), (&json!("began"), &json!("messages")));
    for (line, direction) in lines[1..3].iter().zip(["from_client", "from_upstream"]) {
        assert_eq!((&line["direction"], &line["kind"], &line["bytes"]), (&json!(direction), &json!("text"), &json!(9)));
        assert_eq!((&line["text"], &line["cut"]), (&json!("hello "), &json!(true)), "{line}");
    }
    assert_eq!(lines.last().unwrap(), &json!({ "what": "end", "why": "ended" }));
}

#[tokio::test]
async fn by_default_only_headers_are_shown() {
    let lines = seen(&two_endpoints().await).await;
    assert_eq!(lines[0]["level"], "headers");
    assert_eq!((&lines[1]["kind"], &lines[1]["bytes"]), (&json!("text"), &json!(9)));
    assert!(lines.iter().all(|line| line.get("text").is_none() && line.get("hex").is_none()), "{lines:?}");
}

#[tokio::test]
async fn a_tap_ends_in_time_and_after_so_many_bytes() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let id = id(&windlass).await;
    let output = windlass.ask(&["tap", &id, "--for", "50ms"]).await;
    assert!(text(&output).contains("the time is over"), "{}", text(&output));
    let arguments = ["tap", &id, "--max-bytes", "1"];
    let talk = async {
        windlass.folder().until_logged(&["\"operator\"", "max_bytes"]).await;
        client.echo("one").await;
    };
    let (output, ()) = tokio::join!(windlass.ask(&arguments), talk);
    assert!(text(&output).contains("so much is shown"), "{}", text(&output));
    client.assert_open().await;
}

#[tokio::test]
async fn a_tap_that_may_not_be_is_refused() {
    let config = two_endpoints().await.replace("[admin]", "[admin]\ntap = \"off\"");
    let windlass = Program::start(&config).await;
    let _client = windlass.client("somebody").await.unwrap();
    let id = id(&windlass).await;
    let headers = windlass.folder().config();
    for (arguments, said) in [
        (&["tap", &*id][..], "admin.tap is \"off\""),
        (&["tap", &*id, "--for", "2h"], "up to an hour"),
        (&["tap", &*id, "--admin", "127.0.0.1:1"], "over a unix socket alone"),
    ] {
        let output = windlass.ask(arguments).await;
        assert!(!output.status.success() && text(&output).contains(said), "{}", text(&output));
    }
    let reloaded = std::fs::read_to_string(&headers).unwrap().replace("tap = \"off\"", "tap = \"headers\"");
    std::fs::write(&headers, reloaded).unwrap();
    assert!(windlass.ask(&["reload"]).await.status.success());
    let output = windlass.ask(&["tap", "4711"]).await;
    assert!(text(&output).contains("no open tunnel has the number 4711"), "{}", text(&output));
    let output = windlass.ask(&["tap", &id, "--for", "10ms"]).await;
    assert!(output.status.success(), "{}", text(&output));
}
