//! `windlass plan`.

use serde_json::Value;

use crate::operate::operator::text;
use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::Program;

/// Plans a file that is not the one that is served.
async fn plan(windlass: &Program, config: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let new = windlass.folder().write_config("new.toml", config);
    let output = windlass.ask_with(&new, &[&["plan"], arguments].concat()).await;
    (output.status.code(), text(&output))
}

#[tokio::test]
async fn says_what_would_be_closed_and_closes_nothing() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let mut clients = Vec::new();
    for key in 0..16 {
        clients.push(windlass.client(&key.to_string()).await.unwrap());
    }
    let on_a = clients.iter().filter(|client| client.endpoint == "a").count();
    assert!((1..16).contains(&on_a));

    assert_eq!(plan(&windlass, &config, &[]).await, (Some(0), "nothing would change\n".into()));

    let limits = config.replace("upstream = \"chat\"", "upstream = \"chat\"\nwebsocket.idle_timeout = \"1h\"");
    let (code, said) = plan(&windlass, &limits, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("route chat changed") && said.contains("16 tunnels would stay"), "{said}");

    let renamed = config.replace("name = \"a\"", "name = \"c\"");
    let (code, said) = plan(&windlass, &renamed, &["--json"]).await;
    assert_eq!(code, Some(3), "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["closing"], &said["staying"]), (&on_a.into(), &(16 - on_a).into()));
    assert_eq!(said["losing"][0]["endpoint"], "chat/a");
    assert_eq!(said["deadline_seconds"], 3.0);
    let rename = said["renames"][0].as_str().unwrap();
    assert!(rename.starts_with("endpoint a of upstream chat looks renamed to endpoint c"), "{rename}");

    let kept = renamed.replace("[drain.reload]", "[drain.reload]\non = \"keep\"");
    let (code, said) = plan(&windlass, &kept, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("none would be closed"), "{said}");

    assert_eq!(windlass.status().await["generation"], 1);
    for client in &mut clients {
        Client::assert_open(client).await;
    }
}

#[tokio::test]
async fn a_wrong_file_exits_with_2_and_all_its_problems() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    let (code, said) = plan(&windlass, &config.replace("[\"query:k\"]", "[\"k\"]").replace("bind", "bin"), &[]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("new.toml:3:1: listener.public.bin") && said.contains("sticky_on"), "{said}");
}
