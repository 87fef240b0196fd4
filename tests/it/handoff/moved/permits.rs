//! What a tunnel was let in by goes with it: it ends when its token does, is prolonged under its name, and closed with its user.

use serde_json::{Value, json};

use super::site::{Site, Way};
use crate::access::renewal::{NAME, of, renewal};
use crate::access::tokens::{jwt, seconds_from_now, token};
use crate::rig::Folder;

/// A proxy whose two routes ask for tokens; its tunnels can be prolonged. The folder has the secret.
async fn asking_for_tokens() -> (Site, Folder) {
    let folder = Folder::new("");
    let (with_code, without) = (jwt(&folder, "close_code = 4401"), jwt(&folder, ""));
    let keys = [
        ("route.chat.jwt", with_code.as_str()),
        ("route.chat.renew_path", "\"/renew\""),
        ("route.twice.jwt", &without),
        ("route.twice.renew_path", "\"/twice/renew\""),
        ("log.opened", "true"),
    ];
    (Site::started(&keys).await, folder)
}

/// What the process that serves answers to who brings this token, and names tunnels that opened this way.
async fn renew(site: &Site, way: Way, bearer: &str, name: &str) -> Value {
    let request = renewal(bearer, &format!("{NAME}: {name}"));
    let mut client = site.connect_plain().await;
    client
        .send(match way {
            Way::TlsTwice => request.replacen("/renew", "/twice/renew", 1),
            _ => request,
        })
        .await;
    let (head, body) = client.answer().await;
    assert_eq!(head.status(), 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_when_its_token_does_unless_it_is_renewed_in_the_process_that_has_it_by_then() {
    let (mut site, _secret) = asking_for_tokens().await;
    let end = seconds_from_now(8);
    let bearer = format!("Bearer {}", token(&json!({ "sub": "ada", "exp": end })));
    let (mut renewed, mut closing) = (Vec::new(), Vec::new());
    for way in Way::ALL {
        let (ends, head) = site.open_with(way, &[("authorization", &bearer)]).await;
        renewed.push((way, ends, head.value(NAME).unwrap().to_owned()));
        closing.push(site.open_with(way, &[("authorization", &bearer)]).await.0.closing());
    }
    site.hand_over().await;
    for (way, _, name) in &renewed {
        assert_eq!(renew(&site, *way, &of("ada", 600), name).await["tunnels"], 1);
    }

    site.hand_over_until_closed(&closing).await;

    assert!(seconds_from_now(0) >= end - 1, "{} seconds too early", end - seconds_from_now(0));
    for (way, closing) in Way::ALL.into_iter().zip(closing) {
        let code = if way == Way::TlsTwice { 1008 } else { 4401 };
        assert_eq!(closing.await.unwrap(), (code, "expired".into()), "{way:?}");
    }
    for line in site.so_many_lines("tunnel ended", Way::ALL.len()).await {
        assert_eq!(line["outcome"], "expired", "{line}");
    }
    for (_, ends, _) in &mut renewed {
        ends.assert_carry().await;
    }
    assert_eq!(site.lines("tunnel ended").len(), Way::ALL.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_one_name_have_it_together_and_what_the_fresh_token_says_goes_with_them() {
    let (mut site, _secret) = asking_for_tokens().await;
    for way in Way::ALL {
        let (first, head) = site.open_with(way, &[("authorization", &of("ada", 600))]).await;
        let name = head.value(NAME).unwrap();
        let lines = [("authorization", &*of("ada", 600)), ("cookie", &format!("{NAME}={name}"))];
        let second = site.open_with(way, &lines).await.0;
        site.hand_over().await;
        let fresh = token(&json!({ "sub": "ada", "team": format!("{way:?}"), "exp": seconds_from_now(900) }));
        assert_eq!(renew(&site, way, &format!("Bearer {fresh}"), name).await["tunnels"], 2);
        site.hand_over().await;
        let (third, its_head) = site.open_with(way, &lines).await;
        assert_eq!(its_head.value(NAME), Some(name), "{way:?}: it is known here");

        let closes = site.ask(&["close", "--json", "--claim", &format!("team={way:?}")]).await;

        assert_eq!(closes["tunnels"], 2, "{closes}");
        for ends in [first, second] {
            assert_eq!(ends.closing().await.unwrap(), (4403, "revoked".into()));
        }
        assert_eq!(renew(&site, way, &of("ada", 600), name).await["tunnels"], 1, "the name of the third");
        drop(third);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_is_closed_wherever_the_tunnels_are_by_then_and_nobody_else() {
    let (mut site, _secret) = asking_for_tokens().await;
    let (mut of_ada, mut of_bob) = (Vec::new(), Vec::new());
    for way in Way::ALL {
        of_ada.push(site.open_with(way, &[("authorization", &of("ada", 600))]).await.0);
        of_bob.push(site.open_with(way, &[("authorization", &of("bob", 600))]).await.0);
    }
    // The last that has opened is Bob's.
    let opened = site.so_many_lines("tunnel opened", of_ada.len() + of_bob.len()).await;
    let number = opened.iter().map(|line| line["tunnel"].as_u64().unwrap()).max().unwrap();
    site.hand_over().await;
    site.hand_over().await;

    let closes = site.ask(&["close", "--json", "--claim", "sub=ada"]).await;

    assert_eq!((&closes["tunnels"], &closes["not_reached"]), (&of_ada.len().into(), &json!([])), "{closes}");
    for ends in of_ada {
        assert_eq!(ends.closing().await.unwrap(), (4403, "revoked".into()));
    }
    for ends in &mut of_bob {
        ends.assert_carry().await;
    }
    let words = ["--close-code", "4001", "--reason", "you know why"];
    let closes = site.ask(&[&["close", "--json", &number.to_string()], &words[..]].concat()).await;
    assert_eq!(closes["tunnels"], 1, "{closes}");
    let last = of_bob.pop().unwrap();
    assert_eq!(last.closing().await.unwrap(), (4001, "you know why".into()));
    for ends in &mut of_bob {
        ends.assert_carry().await;
    }
    for line in site.so_many_lines("tunnel ended", 4).await {
        assert_eq!((&line["why"], &line["moved"]), (&"revoked".into(), &2.into()), "{line}");
    }
}
