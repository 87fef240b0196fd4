//! Tunnels that cannot move: they are counted by why, and go on in the old process.

use rustix::process::Signal;
use rustls::version::TLS12;
use serde_json::json;

use super::broken::SLOW;
use super::site::{Site, Way};
use crate::rig::signal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_that_stays_is_counted_by_why() {
    let site = Site::started(&[&SLOW[..], &[("listener.plain.h2c", "true")]].concat()).await;
    let mut tunnels = Vec::new();
    for way in [Way::Plain, Way::Tls, Way::Tls12, Way::Http2, Way::TlsTwice] {
        tunnels.push(site.open(way).await);
    }
    site.change("[route.twice]", "[route.elsewhere]");

    let answer = site.ask(&["handoff", "--json"]).await;

    let stayed = json!({ "tls12": 1, "http2": 1, "gone": 1 });
    assert_eq!((&answer["moved"], &answer["stayed"]), (&2.into(), &stayed), "{answer}");
    assert!(answer["longest_pause_ms"].as_f64() > Some(0.0), "{answer}");
    let status = site.ask(&["status", "--json"]).await;
    assert_eq!((&status["pid"], &status["tunnels"]), (&answer["pid"], &5.into()), "{status}");
    assert_eq!(status["tunnels_of_predecessors"], 3, "{status}");
    for ends in &mut tunnels {
        ends.assert_carry().await;
    }
    let line = site.so_many_lines("what became of the open tunnels", 1).await.remove(0);
    assert_eq!((&line["moved"], &line["stayed"]), (&2.into(), &3.into()), "{line}");
    assert_eq!([&line["tls12"], &line["http2"], &line["gone"]], [1; 3], "{line}");
    assert_eq!(site.lines("tunnel ended").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_stay_where_one_of_the_two_files_says_so() {
    for (old, new) in [("drain", "move"), ("move", "drain")] {
        let tunnels = format!("\"{old}\"");
        let site = Site::started(&[&SLOW[..], &[("drain.handoff.tunnels", &tunnels)]].concat()).await;
        let mut open = site.open_all().await;
        site.change(&format!("tunnels = \"{old}\""), &format!("tunnels = \"{new}\""));
        let answer = site.ask(&["handoff", "--json"]).await;
        assert_eq!((&answer["moved"], &answer["stayed"]), (&0.into(), &json!({ "not_agreed": 3 })), "{answer}");
        for ends in &mut open {
            ends.assert_carry().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_is_told_and_then_the_old_process_ends() {
    let mut site = Site::started(&[("drain.handoff.spread", "\"1s\""), ("drain.handoff.deadline", "\"20s\"")]).await;
    let mut moves = site.open(Way::Tls).await;
    let mut stays = site.open(Way::Tls12).await;
    site.hand_over_in_part().await;
    let close = stays.client.frame().await;
    assert_eq!(close.close_code(), Some(1012));
    stays.client.send(close.by_client()).await;
    let main = site.main;
    site.world.folder.until("the end of the old process", || site.world.running() == [main]).await;
    moves.assert_carry().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_endpoint_speaks_tls_1_2_stays_and_drains_and_others_move() {
    let site = Site::started_before(&TLS12, &[&SLOW[..], &[("drain.stop.spread", "\"1ms\"")]].concat()).await;
    let mut stays = site.open(Way::TlsTwice).await;
    let mut moves = site.open(Way::Tls).await;
    stays.assert_carry().await;

    let answer = site.ask(&["handoff", "--json"]).await;

    assert_eq!((&answer["moved"], &answer["stayed"]), (&1.into(), &json!({ "tls12": 1 })), "{answer}");
    stays.assert_carry().await;
    signal(site.main, Signal::TERM);
    assert_eq!(stays.closing().await.unwrap().0, 1012);
    let new = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
    site.world.folder.until("the end of the old process", || site.world.running() == [new]).await;
    moves.assert_carry().await;
}
