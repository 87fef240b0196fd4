//! Many tunnels that talk in sequence numbers over handoffs in a row: none is closed, and no number is lost, doubled or out of order.
//!
//! `WINDLASS_TUNNELS` and `WINDLASS_HANDOFFS` set other numbers, such as 2,000 and 20.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::watch;

use super::site::{Ends, Site, Way};
use super::speaker::{GOOD_BYE, Manner, Part, Speaker};
use crate::handoff::succession::asked_for;
use crate::rig::resident;

const TUNNELS: usize = 200;
const HANDOFFS: usize = 4;

/// From so many on the memory of the last process is held against that of the first.
const MANY: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_heard_once_and_in_their_order_over_handoffs_in_a_row() {
    let (tunnels, handoffs) = (asked_for("WINDLASS_TUNNELS", TUNNELS), asked_for("WINDLASS_HANDOFFS", HANDOFFS));
    let mut site = Site::started(&[]).await;
    // Their ends run on the machine that the two processes run on.
    let every = Duration::from_micros(100 * tunnels as u64).max(Duration::from_millis(5));
    let is_over = watch::Sender::new(false);
    let mut speakers = Vec::new();
    for number in 0..tunnels {
        let way = [Way::Plain, Way::Tls, Way::Plain, Way::TlsTwice][number % 4];
        let manner = match number % 16 {
            0..4 => Manner::Dribbling,
            4..8 => Manner::Lengthy,
            _ => Manner::Brief,
        };
        let Ends { client, endpoint } = site.open(way).await;
        for (end, part) in [(client, Part::Client), (endpoint, Part::Endpoint)] {
            speakers.push(tokio::spawn(Speaker::new(end, part, manner).talk(every, is_over.subscribe())));
        }
    }

    let mut memory = Vec::new();
    for _ in 0..handoffs {
        site.hand_over().await;
        memory.push(resident(site.main));
    }
    assert_eq!(site.lines("tunnel ended").len(), 0);
    is_over.send_replace(true);
    let mut heard = 0;
    for speaker in speakers {
        heard += speaker.await.unwrap();
    }

    assert!(heard > 2 * tunnels as u64, "{heard} numbers of {tunnels} tunnels");
    let ended = site.so_many_lines("tunnel ended", tunnels).await;
    for line in &ended {
        assert_eq!((&line["moved"], &line["code"]), (&handoffs.into(), &GOOD_BYE.into()), "{line}");
    }
    let numbers: HashSet<_> = ended.iter().map(|line| line["tunnel"].as_u64().unwrap()).collect();
    assert_eq!((numbers.len(), numbers.iter().max()), (tunnels, Some(&(tunnels as u64))));
    let pauses: Vec<_> = site
        .lines("what became of the open tunnels")
        .iter()
        .map(|line| {
            assert_eq!((&line["moved"], &line["stayed"]), (&tunnels.into(), &0.into()), "{line}");
            line["longest_pause_ms"].as_f64().unwrap()
        })
        .collect();
    assert_eq!(pauses.len(), handoffs);
    println!("{tunnels} tunnels, {handoffs} handoffs: {heard} numbers; pauses in ms: {pauses:?}; bytes: {memory:?}");
    let (first, last) = (memory[0], memory[handoffs - 1]);
    assert!(
        tunnels < MANY || last <= first + first / 10,
        "{first} bytes after the first handoff, {last} after the last"
    );
}
