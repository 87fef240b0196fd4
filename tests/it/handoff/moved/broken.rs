//! Successors that take over and then fail, between any two words of the move: nobody is closed, and all tunnels go on in the old process.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::site::{Ends, Site, Way};
use crate::rig::{PROGRAM, signal};

/// In hours hardly anybody is told to go by the handoff itself.
pub(super) const SLOW: [(&str, &str); 2] = [("drain.handoff.spread", "\"19h\""), ("drain.handoff.deadline", "\"20h\"")];

/// How programs write tunnels, in numbers.
fn format() -> u32 {
    let source = include_str!("../../../../src/session/moving/moving_tunnel.rs");
    let (_, behind) = source.split_once("const FORMAT: u32 = ").unwrap();
    behind.split_once(';').unwrap().0.parse().unwrap()
}

/// The program that fails like this.
pub(super) fn played(point: &str) -> String {
    include_str!("../played.py").replace("@POINT@", point).replace("@FORMAT@", &format().to_string())
}

/// Hands over to one that fails like this. Returns the tunnels, which have all gone on, and the line about them.
async fn handed_over_to(point: &str, tunnels: usize) -> (Site, Vec<Ends>, Value) {
    let site = Site::started(&SLOW).await;
    let mut open = Vec::new();
    for number in 0..tunnels {
        open.push(site.open(Way::ALL[number % 3]).await);
    }
    site.replace_program(&played(point));

    signal(site.main, Signal::USR2);

    let line = site.so_many_lines("what became of the open tunnels", 1).await.remove(0);
    for ends in &mut open {
        ends.assert_carry().await;
    }
    assert!(site.world.running().contains(&site.main));
    assert_eq!(site.lines("tunnel ended").len(), 0);
    assert_eq!((&line["moved"], &line["stayed"]), (&0.into(), &tunnels.into()), "{line}");
    (site, open, line)
}

/// The same, where all of the tunnels stay for this reason.
async fn assert_stay(point: &str, tunnels: usize, why: &str) -> (Site, Vec<Ends>) {
    let (site, open, line) = handed_over_to(point, tunnels).await;
    assert_eq!(line[why], tunnels, "{point}: {line}");
    (site, open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_that_dies() {
    assert_stay("dies_at_once", 6, "failed").await;
    assert_stay("dies", 6, "failed").await;
    assert_stay("takes_and_hears_no_more", 6, "failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_that_hangs() {
    assert_stay("hangs_at_once", 6, "failed").await;
    assert_stay("hangs", 6, "failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn a_stop_while_one_hangs_is_obeyed_once_it_is_known_where_the_tunnels_are() {
    let site = Site::started(&SLOW).await;
    let mut open = Vec::new();
    for number in 0..6 {
        open.push(site.open(Way::ALL[number % 3]).await);
    }
    site.replace_program(&played("hangs"));
    signal(site.main, Signal::USR2);
    site.world.folder.until_logged(&["played hangs hears tunnels"]).await;

    signal(site.main, Signal::TERM);

    for Ends { client, .. } in &mut open {
        let close = client.frame().await;
        assert_eq!(close.close_code(), Some(1012), "{close:?}");
        client.try_send(close.by_client()).await;
    }
    let ended = site.so_many_lines("tunnel ended", open.len()).await;
    assert!(ended.iter().all(|line| line["pid"] == site.main), "{ended:?}");
    let log = site.world.folder.log();
    assert!(log.find("what became of the open tunnels") < log.find("stopping; a second signal"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_that_talks_nonsense() {
    assert_stay("nonsense", 6, "failed").await;
    assert_stay("takes_another", 6, "failed").await;
    assert_stay("refuses_in_words_of_its_own", 6, "failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_whose_answer_comes_too_late_is_given_nothing() {
    let (site, mut open) = assert_stay("late", 6, "failed").await;
    // Its answer comes meanwhile, and changes nothing.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for ends in &mut open {
        ends.assert_carry().await;
    }
    let log = site.world.folder.log();
    assert!(log.contains("played late hears tunnels") && !log.contains("played late hears tunnels_yours"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_that_refuses() {
    // More than go at once.
    assert_stay("refuses", 70, "full").await;
    let (_site, _open, line) = handed_over_to("refuses_and_dies", 70).await;
    assert!(line["full"].as_u64() > Some(0) && line["failed"].as_u64() > Some(0), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn one_that_reads_another_format_or_none_is_sent_nothing() {
    for point in ["older", "other_format"] {
        let (site, _open) = assert_stay(point, 6, "not_agreed").await;
        assert!(!site.world.folder.log().contains("hears tunnels\n"), "{point}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_fewer_descriptors_takes_what_it_has_room_for() {
    const TUNNELS: u64 = 150;
    let mut site = Site::started(&SLOW).await;
    let mut open = Vec::new();
    for number in 0..TUNNELS {
        open.push(site.open(Way::ALL[number as usize % 3]).await);
    }
    site.replace_program(&format!("#!/bin/sh\nulimit -n 260\nexec {PROGRAM} \"$@\"\n"));

    site.hand_over_in_part().await;

    let line = site.so_many_lines("what became of the open tunnels", 1).await.remove(0);
    let of = |key: &str| line[key].as_u64().unwrap_or_default();
    assert!(of("moved") > 0 && of("stayed") > 0 && of("moved") + of("stayed") == TUNNELS, "{line}");
    assert!(of("full") > 0 && of("full") + of("failed") == of("stayed"), "{line}");
    for ends in &mut open {
        ends.assert_carry().await;
    }
    assert_eq!(site.lines("tunnel ended").len(), 0);
}
