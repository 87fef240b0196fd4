//! `windlass where`.

use serde_json::Value;

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::Program;

async fn placed(windlass: &Program, more: &[&str]) -> Value {
    let output = windlass.ask(&[&["where", "--json"], more].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn first(answer: &Value) -> &str {
    answer["endpoints"][0]["endpoint"].as_str().unwrap().strip_prefix("chat/").unwrap()
}

#[tokio::test]
async fn where_foretells_the_endpoint_of_a_key_and_the_next_best_and_takes_nothing() {
    let windlass = Program::start(&two_endpoints().await).await;
    for key in 0..8 {
        let key = key.to_string();
        let foretold = placed(&windlass, &["--path", &format!("/?k={key}")]).await;
        assert_eq!((&foretold["listener"], &foretold["route"]), (&"public".into(), &"chat".into()));
        assert_eq!((&foretold["key"], foretold["endpoints"].as_array().unwrap().len()), (&"query:k".into(), 2));
        assert_eq!(windlass.client(&key).await.unwrap().endpoint, first(&foretold), "{key}: {foretold}");
    }
    let before = placed(&windlass, &["--path", "/?k=somebody"]).await;
    let (best, next) = (first(&before).to_owned(), before["endpoints"][1]["endpoint"].clone());
    assert!(windlass.ask(&["drain", &format!("endpoint/chat/{best}"), "--detach"]).await.status.success());
    let after = placed(&windlass, &["--path", "/?k=somebody"]).await;
    assert_eq!(
        after["endpoints"],
        serde_json::json!([{
            "endpoint": next,
            "address": after["endpoints"][0]["address"],
            "tunnels": after["endpoints"][0]["tunnels"],
        }])
    );

    let keyless = placed(&windlass, &[]).await;
    assert!(keyless["key"].is_null() && keyless["why"].as_str().unwrap().contains("least_tunnels"), "{keyless}");
    let people = text(&windlass.ask(&["where", "--path", "/?k=somebody", "--header", "x-user=ada"]).await);
    assert!(people.contains("route chat, upstream chat") && people.contains("query:k"), "{people}");
}

#[tokio::test]
async fn where_an_address_decides_it_has_to_be_said() {
    let config = two_endpoints().await.replace("sticky_on = [\"query:k\"]\n", "");
    let windlass = Program::start(&config).await;
    let output = windlass.ask(&["where"]).await;
    assert!(!output.status.success() && text(&output).contains("--client ADDRESS"), "{}", text(&output));
    let foretold = placed(&windlass, &["--client", "127.0.0.1"]).await;
    assert_eq!(foretold["key"], "client_ip");
    assert_eq!(windlass.client("anybody").await.unwrap().endpoint, first(&foretold), "{foretold}");
}

#[tokio::test]
async fn where_says_what_no_route_takes_and_what_makes_no_sense() {
    let config = two_endpoints().await.replace("[route.chat]\n", "[route.chat]\npath = \"/ws\"\n");
    let windlass = Program::start(&config).await;
    for (arguments, code, said) in [
        (&["where", "--path", "/other"][..], 1, "no route takes"),
        (&["where", "--path", "/ws", "--listener", "inner"], 1, "there is no listener inner"),
        (&["where", "--path", "ws"], 1, "it begins with /"),
        (&["where", "--header", "x-user"], 2, "NAME=VALUE"),
        (&["where", "--client", "ada"], 2, "invalid"),
    ] {
        let output = windlass.ask(arguments).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(said), "{arguments:?}: {}", text(&output));
    }
}
