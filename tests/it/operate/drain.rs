//! `windlass drain` and `windlass undrain`.

use crate::operate::operator::text;
use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::{Program, until_async};

/// One client on each endpoint.
async fn clients(windlass: &Program) -> (Client, Client) {
    let (mut a, mut b) = (None, None);
    for number in 0..64 {
        let client = windlass.client(&number.to_string()).await.unwrap();
        if client.endpoint == "a" {
            a.get_or_insert(client)
        } else {
            b.get_or_insert(client)
        };
        if a.is_some() && b.is_some() {
            break;
        }
    }
    (a.unwrap(), b.unwrap())
}

#[tokio::test]
async fn a_drained_endpoint_loses_its_tunnels_and_gets_no_new_ones_until_it_is_taken_back() {
    let windlass = Program::start(&two_endpoints().await).await;
    let (on_a, mut on_b) = clients(&windlass).await;
    let closed = tokio::spawn(on_a.closed());
    let drained = ["drain", "endpoint/chat/a", "--spread", "100ms", "--code", "4001", "--reason", "moving house"];
    let output = windlass.ask(&drained).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("over: "), "{}", text(&output));
    assert_eq!(closed.await.unwrap(), (4001, "moving house".to_owned()));
    on_b.assert_open().await;
    for key in 0..16 {
        assert_eq!(windlass.client(&key.to_string()).await.unwrap().endpoint, "b");
    }
    let status = windlass.status().await;
    let states = [0, 1].map(|index| &status["upstreams"][0]["endpoints"][index]["state"]);
    assert_eq!(states, ["drained", "eligible"]);
    assert_eq!(status["upstreams"][0]["endpoints"][0]["draining"], true);
    let shown = text(&windlass.ask(&["status"]).await);
    let row = shown.lines().find(|line| line.starts_with("chat/a")).unwrap();
    let columns: Vec<_> = row.split_whitespace().collect();
    assert!(columns[3..5] == ["drained", "for"] && row.ends_with(" s"), "{shown}");

    let undrained = windlass.ask(&["undrain", "chat/a"]).await;
    assert_eq!(undrained.status.code(), Some(0), "{}", text(&undrained));
    clients(&windlass).await;
    assert!(text(&windlass.ask(&["undrain", "chat/a"]).await).contains("was not draining"));

    assert_eq!(windlass.ask(&["undrain", "chat/nobody"]).await.status.code(), Some(1));
    assert!(windlass.ask(&["undrain", "chat/a"]).await.status.success());
    let taken_back = || windlass.folder().log().matches("an operator takes a drain back").count();
    until_async("the last line", async || taken_back() >= 3).await;
    let log = windlass.folder().log();
    let of_nobody = |line: &&str| line.contains("takes a drain back") && line.contains("chat/nobody");
    assert_eq!(log.lines().find(of_nobody), None, "{log}");
}

#[tokio::test]
async fn a_drain_outlives_a_reload() {
    let config = two_endpoints().await;
    let windlass = Program::start(&config).await;
    assert!(windlass.ask(&["drain", "endpoint/chat/a"]).await.status.success());
    windlass.folder().configure(&config.replace("name = \"a\"", "name = \"a\", weight = 5"));
    assert!(windlass.ask(&["reload"]).await.status.success());
    for key in 0..16 {
        assert_eq!(windlass.client(&key.to_string()).await.unwrap().endpoint, "b");
    }
}

#[tokio::test]
async fn where_every_endpoint_drains_an_upgrade_is_refused() {
    let windlass = Program::start(&two_endpoints().await).await;
    for endpoint in ["endpoint/chat/a", "endpoint/chat/b"] {
        assert!(windlass.ask(&["drain", endpoint, "--detach"]).await.status.success());
    }
    match windlass.client("somebody").await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{:?}", other.map(|client| client.endpoint)),
    }
}

#[tokio::test]
async fn one_tunnel_can_be_ended_and_the_route_stays_open() {
    let windlass = Program::start(&two_endpoints().await).await;
    let first = windlass.client("one").await.unwrap();
    let mut second = windlass.client("one").await.unwrap();
    let closed = tokio::spawn(first.closed());
    assert!(windlass.ask(&["drain", "tunnel/1"]).await.status.success());
    assert_eq!(closed.await.unwrap().0, 1012);
    second.assert_open().await;
    let closed = tokio::spawn(second.closed());
    assert!(windlass.ask(&["drain", "route/chat", "--spread", "50ms"]).await.status.success());
    assert_eq!(closed.await.unwrap().0, 1012);
    assert!(windlass.client("one").await.is_ok());
}

#[tokio::test]
async fn what_there_is_not_cannot_be_drained() {
    let windlass = Program::start(&two_endpoints().await).await;
    let (in_status, in_log) = ("`windlass status` names what there is", "`windlass tunnels` lists what is open");
    for (scope, where_to_look) in [("route/other", in_status), ("endpoint/chat/c", in_status), ("tunnel/99", in_log)] {
        let output = windlass.ask(&["drain", scope]).await;
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("there is no {scope}: {where_to_look}");
        assert!(text(&output).contains(&expected), "{}", text(&output));
    }
    // The deadline is that of the file.
    let output = windlass.ask(&["drain", "all", "--spread", "20s"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("the spread (20s) is longer than the deadline (3s)"), "{}", text(&output));
}

#[tokio::test]
async fn a_drain_that_is_taken_back_leaves_who_was_not_told_yet() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut all = Vec::new();
    for key in 0..64 {
        all.push(windlass.client(&key.to_string()).await.unwrap());
    }
    let on_a = all.iter().filter(|client| client.endpoint == "a").count();
    assert!(on_a > 8, "{on_a} of 64 on a");
    // Nobody answers the Close, so what was told stays in the count until its time is over.
    let drain = ["drain", "endpoint/chat/a", "--deadline", "10min", "--spread", "5min", "--detach"];
    assert!(windlass.ask(&drain).await.status.success());
    assert!(windlass.ask(&["undrain", "chat/a"]).await.status.success());
    until_async("the drain to be over", async || windlass.status().await["drains"][0]["state"] == "taken_back").await;
    let told = windlass.status().await["drains"][0]["told"].as_u64().unwrap();
    assert!(told < 4, "{told} were told in the first moments of five minutes");
}
