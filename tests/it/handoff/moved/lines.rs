//! What processes say of open tunnels that go on in another one, as `docs/logs.md` has it.

use std::collections::BTreeSet;

use rustix::process::Signal;

use super::broken::SLOW;
use super::site::{Site, Way};
use crate::logs::documented::{Fields, check, table};
use crate::rig::signal;

const HEADING: &str = "### Open tunnels that go on in another process";

/// Reasons that are not given here; a test of each sees to that they are.
const SELDOM: [&str; 6] = ["not_agreed", "ending", "full", "busy", "late", "failed"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_field_that_comes_is_documented_and_each_that_is_documented_comes() {
    let keys = [("listener.plain.h2c", "true"), ("drain.stop.tunnels", "\"keep\""), ("drain.stop.spread", "\"1ms\"")];
    let mut site = Site::started(&[&SLOW[..], &keys].concat()).await;
    let mut tunnels = Vec::new();
    for way in [Way::Plain, Way::Tls, Way::Tls12, Way::Http2, Way::TlsTwice] {
        tunnels.push(site.open(way).await);
    }
    site.change("[route.twice]", "[route.elsewhere]");
    site.hand_over_in_part().await;
    site.so_many_lines("took over open tunnels", 1).await;
    site.change("[route.chat]", "[route.new]");
    let before = site.main;
    signal(before, Signal::TERM);
    site.world.folder.until("the end of the process", || !site.world.running().contains(&before)).await;
    site.world.start_with_kept().await;

    let own = table(HEADING);
    let fields: Fields =
        own.iter().map(|(name, of)| (name.clone(), of.clone())).chain(table("Every line has")).collect();
    let mut seen = BTreeSet::new();
    for message in [
        "what became of the open tunnels",
        "took over open tunnels",
        "open tunnels wait with systemd for the next start",
        "took up what was kept with systemd",
        "open tunnels that were kept have no place here any more: they are closed",
    ] {
        seen.extend(check(&site.so_many_lines(message, 1).await, &fields, message));
    }
    let missing: Vec<_> = own.keys().filter(|name| !seen.contains(*name) && !SELDOM.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
