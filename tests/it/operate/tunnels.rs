//! What is open, looked at one by one.

use serde_json::Value;

use crate::operate::operator::text;
use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::Program;

async fn listed(windlass: &Program, more: &[&str]) -> Value {
    let output = windlass.ask(&[&["tunnels", "--json"], more].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ids(list: &Value) -> Vec<u64> {
    list["tunnels"].as_array().unwrap().iter().map(|tunnel| tunnel["id"].as_u64().unwrap()).collect()
}

/// Some tunnels, in the order in which they opened.
async fn opened(windlass: &Program, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for key in 0..count {
        clients.push(windlass.client(&key.to_string()).await.unwrap());
    }
    clients
}

#[tokio::test]
async fn tunnels_are_found_by_what_they_are_and_sorted_by_what_they_did() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut clients = opened(&windlass, 6).await;
    for _ in 0..5 {
        clients[3].echo("busy").await;
    }

    let all = listed(&windlass, &[]).await;
    assert_eq!((&all["open"], &all["matching"], &all["next"]), (&6.into(), &6.into(), &Value::Null));
    let in_order = ids(&all);
    assert!(in_order.is_sorted() && in_order.len() == 6, "the oldest first: {in_order:?}");
    let busy = in_order[3];

    let by_messages = listed(&windlass, &["--sort", "messages", "--limit", "1"]).await;
    let first = &by_messages["tunnels"][0];
    assert_eq!((first["id"].as_u64(), &first["messages"]["from_client"]), (Some(busy), &5.into()), "{first}");
    // The endpoint's greeting, and its echoes.
    assert_eq!(first["messages"]["from_upstream"], 6);
    assert_eq!((&first["client"], &first["path"], &first["route"]), (&"127.0.0.1".into(), &"/".into(), &"chat".into()));
    assert_eq!(by_messages["matching"], 6);

    let on_a = clients.iter().filter(|client| client.endpoint == "a").count();
    for endpoint in ["a", "chat/a"] {
        assert_eq!(listed(&windlass, &["--endpoint", endpoint]).await["matching"], on_a);
    }
    for (filter, matching) in [
        (&["--route", "chat"][..], 6),
        (&["--route", "other"], 0),
        (&["--listener", "public", "--upstream", "chat"], 6),
        (&["--client", "127.0.0.0/8"], 6),
        (&["--client", "10.0.0.1"], 0),
        (&["--claim", "sub=ada"], 0),
        (&["--min-age", "1h"], 0),
        (&["--min-idle", "1h"], 0),
        (&["--min-rate", "100000"], 0),
    ] {
        assert_eq!(listed(&windlass, filter).await["matching"], matching, "{filter:?}");
    }

    // It takes two looks to say how fast one is.
    let echoing = async {
        loop {
            clients[1].echo("fast").await;
        }
    };
    let fastest = listed(&windlass, &["--sort", "rate", "--limit", "2"]);
    let fastest = tokio::select! {
        fastest = fastest => fastest,
        () = echoing => unreachable!("it echoes on"),
    };
    assert_eq!(ids(&fastest)[0], in_order[1], "{fastest}");
    assert!(fastest["tunnels"][0]["rate"]["messages_per_second"].as_f64().unwrap() > 1.0, "{fastest}");

    let people = text(&windlass.ask(&["tunnels", "--limit", "2"]).await);
    assert!(!people.contains('\u{1b}'), "colours are for terminals: {people}");
    assert!(people.starts_with("TUNNEL") && people.contains("2 of 6 that match"), "{people}");
    assert!(text(&windlass.ask(&["tunnels", "--route", "other"]).await).contains("0 of 0 that match"));
}

#[tokio::test]
async fn pages_follow_each_other_while_tunnels_come_and_go() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut clients = opened(&windlass, 7).await;
    let all = ids(&listed(&windlass, &[]).await);
    let first = listed(&windlass, &["--limit", "3"]).await;
    assert_eq!(ids(&first), all[..3]);

    // One of the first page ends, and so does the one that it ended with; another opens.
    let closed = [2, 0].map(|at| (all[at], clients.remove(at)));
    for (id, client) in closed {
        let output = windlass.ask(&["close", &id.to_string()]).await;
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(client.closed().await.0, 4403);
    }
    let _late = windlass.client("late").await.unwrap();

    let second = listed(&windlass, &["--limit", "3", "--after", first["next"].as_str().unwrap()]).await;
    assert_eq!(ids(&second), all[3..6]);
    let third = listed(&windlass, &["--limit", "3", "--after", second["next"].as_str().unwrap()]).await;
    assert_eq!((ids(&third)[0], ids(&third).len(), &third["next"]), (all[6], 2, &Value::Null), "{third}");
    let backwards = listed(&windlass, &["--order", "asc", "--limit", "1"]).await;
    assert_eq!(ids(&backwards)[0], ids(&third)[1], "the youngest first");
}

#[tokio::test]
async fn of_one_tunnel_everything_is_told() {
    let config = two_endpoints().await.replace(
        "[upstream.chat]",
        "[route.chat.websocket]\nidle_timeout = \"1h\"\nmax_message = { from_client = \"1MiB\" }\n[upstream.chat]",
    );
    let windlass = Program::start(&config).await;
    let client = windlass.client("somebody").await.unwrap();
    let id = ids(&listed(&windlass, &[]).await)[0].to_string();

    let output = windlass.ask(&["tunnels", &id, "--json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    assert_eq!((&told["id"].to_string(), &told["protocol"]), (&id, &"http/1.1".into()));
    assert_eq!(
        (&told["limits"]["idle_timeout"], &told["limits"]["max_message_from_client"]),
        (&3600.0.into(), &1_048_576.into())
    );
    assert!(told["client_port"].is_u64() && told["rate"]["messages_per_second"].is_f64(), "{told}");
    assert_eq!((&told["order"], &told["is_ending"]), (&Value::Null, &false.into()));

    // It is told in its turn, and does not answer.
    let drain = ["drain", &format!("tunnel/{id}"), "--detach", "--close-code", "4001", "--reason", "moving"];
    assert!(windlass.ask(&drain).await.status.success());
    loop {
        let output = windlass.ask(&["tunnels", &id, "--json"]).await;
        let Ok(told) = serde_json::from_slice::<Value>(&output.stdout) else { panic!("{}", text(&output)) };
        if told["order"] == Value::Null {
            continue;
        }
        assert_eq!(
            (&told["order"]["cause"], &told["order"]["close_code"]),
            (&"operator".into(), &4001.into()),
            "{told}"
        );
        break;
    }
    let people = text(&windlass.ask(&["tunnels", &id]).await);
    assert!(people.contains("placed on") || people.contains("no tunnel of this number"), "{people}");
    drop(client);
    for (named, said) in [("4711", "no tunnel of this number"), ("x", "invalid")] {
        let output = windlass.ask(&["tunnels", named]).await;
        assert!(!output.status.success() && text(&output).contains(said), "{}", text(&output));
    }
}
