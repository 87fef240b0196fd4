//! What processes hold that handed over: seen, drained and taken back through the one that serves.

use rustix::process::Signal;
use serde_json::Value;

use crate::operate::metrics::scrape;
use crate::operate::operator::{Successor, text};
use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::{Program, until_async};

/// Hands over, from a process with so many tunnels; returns them, and how many are on `a`.
async fn handed_over(config: &str) -> (Program, Successor, Vec<Client>, usize) {
    let windlass = Program::start(config).await;
    let mut clients = Vec::new();
    for key in 0..16 {
        clients.push(windlass.client(&key.to_string()).await.unwrap());
    }
    let on_a = clients.iter().filter(|client| client.endpoint == "a").count();
    assert!((1..16).contains(&on_a));
    let successor = windlass.hand_off().await;
    (windlass, successor, clients, on_a)
}

/// Nobody moves, and in hours hardly anybody is told by the handoff itself: the first of sixteen by chance within seconds, if they were minutes.
async fn slow_handoff() -> String {
    two_endpoints().await
        + "[drain.handoff]\ntunnels = \"drain\"\nspread = \"19h\"\ndeadline = \"20h\"\nmax_predecessors = 3\n"
}

fn endpoint<'s>(status: &'s Value, name: &str) -> &'s Value {
    let endpoints = status["upstreams"][0]["endpoints"].as_array().unwrap();
    endpoints.iter().find(|it| it["name"] == name).unwrap()
}

#[tokio::test]
async fn their_tunnels_are_counted_where_their_endpoint_is() {
    let (windlass, _successor, _clients, on_a) = handed_over(&slow_handoff().await).await;
    let status = windlass.status().await;
    assert_eq!((&status["tunnels"], &status["tunnels_of_predecessors"]), (&16.into(), &16.into()));
    assert_eq!(endpoint(&status, "a")["tunnels"], on_a);
    assert_eq!(endpoint(&status, "b")["tunnels_of_predecessors"], 16 - on_a);
    assert_eq!(status["routes"][0]["tunnels"], 16);
    let predecessor = &status["predecessors"][0];
    assert_eq!((&predecessor["tunnels"], &predecessor["problem"]), (&16.into(), &Value::Null));
    assert!((71_000..=72_000).contains(&predecessor["ends_in_seconds"].as_u64().unwrap()), "{predecessor}");

    let metrics = scrape(&windlass).await;
    let line = format!(
        "windlass_tunnels_open{{route=\"chat\",upstream=\"chat\",endpoint=\"a\",process=\"predecessor\"}} {on_a}"
    );
    assert!(metrics.lines().any(|it| it == line), "{line} is missing from {metrics}");
    assert!(metrics.lines().any(|it| it == "windlass_predecessors 1"), "{metrics}");
}

#[tokio::test]
async fn a_drain_reaches_them_and_is_over_when_they_are_done() {
    let (windlass, _successor, clients, on_a) = handed_over(&slow_handoff().await).await;
    let (on_first, on_second): (Vec<_>, Vec<_>) = clients.into_iter().partition(|it| it.endpoint == "a");
    let closed: Vec<_> = on_first.into_iter().map(|client| tokio::spawn(client.closed())).collect();
    let drain = ["drain", "endpoint/chat/a", "--spread", "100ms", "--close-code", "4001", "--reason", "moving house"];
    let output = windlass.ask(&drain).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for client in closed {
        assert_eq!(client.await.unwrap(), (4001, "moving house".to_owned()));
    }
    assert!(text(&output).contains(&format!("{on_a} of them in process {}", windlass.id())), "{}", text(&output));
    assert!(text(&output).contains(&format!("over: {on_a} tunnel")), "{}", text(&output));
    let status = windlass.status().await;
    assert_eq!((&endpoint(&status, "a")["tunnels"], &status["tunnels"]), (&0.into(), &(16 - on_a).into()));
    for mut client in on_second {
        client.assert_open().await;
    }
}

#[tokio::test]
async fn a_drain_is_taken_back_where_it_was_begun_too() {
    let config = slow_handoff().await;
    let windlass = Program::start(&config).await;
    let mut clients = Vec::new();
    for key in 0..32 {
        clients.push(windlass.client(&key.to_string()).await.unwrap());
    }
    let drain = ["drain", "endpoint/chat/a", "--deadline", "10min", "--spread", "9min", "--detach"];
    assert!(windlass.ask(&drain).await.status.success());
    let _successor = windlass.hand_off().await;

    let undrained = windlass.ask(&["undrain", "chat/a"]).await;
    assert!(undrained.status.success() && text(&undrained).contains("takes new tunnels again"), "{}", text(&undrained));
    until_async("the predecessor's drain to be over", async || {
        let status = windlass.status().await;
        let drains = status["predecessors"][0]["drains"].as_array().unwrap().clone();
        drains.iter().any(|it| it["scope"] == "endpoint/chat/a" && it["state"] == "taken_back")
    })
    .await;
}

#[tokio::test]
async fn a_plan_names_what_they_would_lose() {
    let config = slow_handoff().await;
    let (windlass, _successor, _clients, on_a) = handed_over(&config).await;
    let plan = async |config: &str| {
        let new = windlass.folder().write_config("new.toml", config);
        let output = windlass.ask_with(&new, &["plan"]).await;
        (output.status.code(), text(&output))
    };
    let (code, said) = plan(&config.replace("name = \"a\"", "name = \"c\"")).await;
    let expected = format!("{on_a} more on what is gone in process {}, which handed over", windlass.id());
    assert!(code == Some(3) && said.contains("none would be closed") && said.contains(&expected), "{code:?} {said}");

    let (code, said) = plan(&config.replace("upstream = \"chat\"", "upstream = \"chat\"\npath = \"/\"")).await;
    assert!(code == Some(0) && !said.contains("handed over"), "{code:?} {said}");
}

#[tokio::test]
async fn what_only_they_have_can_be_drained() {
    let config = slow_handoff().await;
    let windlass = Program::start(&config).await;
    let client = windlass.client("one").await.unwrap();
    windlass.folder().configure(&config.replace("[route.chat]", "[route.other]"));
    let _successor = windlass.hand_off().await;
    assert_eq!(windlass.status().await["tunnels_of_what_is_gone"], 1);

    let nowhere = windlass.ask(&["drain", "route/nowhere"]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere).contains("there is no route/nowhere"), "{}", text(&nowhere));
    let closed = tokio::spawn(client.closed());
    let drained = windlass.ask(&["drain", "route/chat", "--spread", "50ms"]).await;
    assert!(drained.status.success() && text(&drained).contains("over: 1 tunnel,"), "{}", text(&drained));
    assert_eq!(closed.await.unwrap().0, 1012);
}

#[tokio::test]
async fn a_number_names_one_tunnel_among_all_processes() {
    let (windlass, _successor, mut clients, _) = handed_over(&slow_handoff().await).await;
    let mut here = windlass.client("one").await.unwrap();
    let first = clients.remove(0);
    let closed = tokio::spawn(first.closed());
    let drained = windlass.ask(&["drain", "tunnel/1", "--spread", "50ms"]).await;
    assert!(drained.status.success() && text(&drained).contains("over: 1 tunnel,"), "{}", text(&drained));
    assert_eq!(closed.await.unwrap().0, 1012);
    here.assert_open().await;
}

#[tokio::test]
async fn one_that_does_not_answer_is_named() {
    let (windlass, _successor, _clients, _) = handed_over(&slow_handoff().await).await;
    assert!(windlass.ask(&["status"]).await.status.success());
    windlass.signal(Signal::STOP);

    let output = windlass.ask(&["drain", "endpoint/chat/a", "--detach"]).await;
    let expected = format!(
        "not done in process {}, which handed over and drains still: it does not answer within 2 s",
        windlass.id()
    );
    assert!(output.status.code() == Some(1) && text(&output).contains(&expected), "{}", text(&output));
    let status = windlass.status().await;
    assert_eq!((&status["predecessors"][0]["tunnels"], &status["tunnels"]), (&16.into(), &0.into()));
    assert_eq!(status["predecessors"][0]["problem"], "it does not answer within 2 s");
}
