//! A drain that is under way when the tunnels move: it goes on in the new process, of those that it has not told.

use super::site::{Ends, Site, Way};
use crate::rig::until_async;

const TUNNELS: usize = 30;

/// A process that drains its plain endpoint over this time, which has tunnels; and that hands over then.
async fn handed_over(spread: &str) -> (Site, Vec<Ends>) {
    let mut site = Site::started(&[]).await;
    let mut tunnels = Vec::new();
    for number in 0..TUNNELS {
        tunnels.push(site.open([Way::Plain, Way::Tls][number % 2]).await);
    }
    let drain =
        ["drain", "endpoint/chat/a", "--deadline", "20h", "--spread", spread, "--close-code", "4001", "--detach"];
    site.ask(&drain).await;
    site.hand_over_in_part().await;
    site.so_many_lines("what became of the open tunnels", 1).await;
    (site, tunnels)
}

/// Whether the process that serves has the drain in this state.
async fn has_drain(site: &Site, state: &str) -> bool {
    let status = site.ask(&["status", "--json"]).await;
    let drains = status["drains"].as_array().unwrap();
    status["pid"] == site.main && drains.iter().any(|it| it["scope"] == "endpoint/chat/a" && it["state"] == state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_it_has_not_told_are_told_in_the_new_process() {
    let (site, tunnels) = handed_over("8s").await;
    until_async("a drain in the new process", async || has_drain(&site, "running").await).await;
    for Ends { mut client, .. } in tunnels {
        let close = client.frame().await;
        assert_eq!(close.close_code(), Some(4001), "{close:?}");
        client.try_send(close.by_client()).await;
    }
    let ended = site.so_many_lines("tunnel ended", TUNNELS).await;
    let there = ended.iter().filter(|line| line["pid"] == site.main).count();
    assert!(there > TUNNELS / 2, "{there} in the new process");
    until_async("the end of the drain", async || has_drain(&site, "complete").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_taken_back_in_the_new_process() {
    // In so many hours hardly anybody is told.
    let (site, mut tunnels) = handed_over("19h").await;
    until_async("a drain in the new process", async || has_drain(&site, "running").await).await;
    site.ask(&["undrain", "chat/a"]).await;
    until_async("the end of the drain", async || has_drain(&site, "taken_back").await).await;
    for ends in &mut tunnels {
        ends.assert_carry().await;
    }
    tunnels.push(site.open(Way::Plain).await);
}
