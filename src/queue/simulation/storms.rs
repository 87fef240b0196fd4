//! The storms that are played, and what must come of them.

use std::time::Duration;

use super::super::limit::tests::bounds;
use super::endpoint::EndpointModel;
use super::report::Report;
use super::storm::{Plan, Storm};
use crate::config::HandshakeLimits;

/// A hundred thousand clients, and four endpoints that take a thousand of them a second each: 25 s where nothing is lost.
fn everybody_at_once(limits: Option<HandshakeLimits>) -> Plan {
    Plan {
        clients: 100_000,
        from_one_address: 0,
        endpoints: 4,
        model: EndpointModel { capacity: CAPACITY, at_leisure: Duration::from_millis(50) },
        limits,
        length: 1000,
        wait: Duration::from_secs(10),
        ends: Duration::from_secs(600),
    }
}

fn everybody(report: &Report) -> Duration {
    report.in_by(100, |_| true).expect("everybody comes in")
}

#[test]
fn everybody_is_in_within_the_time_that_the_endpoints_need_for_them() {
    for (limits, within) in [(bounds(50, 50, 50), 30), (bounds(20, 5, 1000), 45)] {
        let report = Storm::play(everybody_at_once(Some(limits)), SEED);
        let took = everybody(&report);
        assert!(took < Duration::from_secs(within), "{limits:?}: {took:?}");
        assert!(report.most_at_once <= 2 * CAPACITY, "{}", report.most_at_once);
        assert_eq!(report.failed, 0);
    }
}

#[test]
fn without_a_limit_endpoints_work_for_nobody() {
    let plan = Plan { clients: 20_000, ends: Duration::from_secs(120), ..everybody_at_once(None) };
    let report = Storm::play(plan, SEED);
    assert_eq!(report.in_by(50, |_| true), None);
    let limited = Plan { limits: Some(bounds(20, 5, 1000)), ..plan };
    assert!(everybody(&Storm::play(limited, SEED)) < Duration::from_secs(12));
}

#[test]
fn a_limit_that_begins_far_too_high_is_brought_down() {
    let plan = Plan { clients: 40_000, ..everybody_at_once(Some(bounds(500, 5, 1000))) };
    let adapted = everybody(&Storm::play(plan, SEED));
    let fixed = everybody(&Storm::play(Plan { limits: Some(bounds(500, 500, 500)), ..plan }, SEED));
    assert!(2 * adapted < fixed, "{adapted:?} {fixed:?}");
}

#[test]
fn one_who_comes_with_ten_thousand_connections_does_not_delay_the_others() {
    let greedy = Plan { from_one_address: 10_000, ..everybody_at_once(Some(bounds(50, 50, 50))) };
    let report = Storm::play(greedy, SEED);
    let others = |client| client >= greedy.from_one_address;
    let alone = Storm::play(Plan { clients: 90_000, from_one_address: 0, ..greedy }, SEED);
    for percent in [50, 99, 100] {
        let (beside, alone) = (report.in_by(percent, others).unwrap(), alone.in_by(percent, |_| true).unwrap());
        assert!(beside < alone.mul_f64(1.1), "{percent} %: {beside:?} {alone:?}");
    }
    assert!(everybody(&report) < Duration::from_secs(45), "and all of its connections come in, too");
}

/// Prints the table of `docs/storms.md`.
#[test]
#[ignore = "prints a table, and asserts nothing"]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn table() {
    println!("| handshakes_at_once | 50 % in | 99 % in | all in | at once, at most | tries | refused | late |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, limits) in [
        ("\"off\"", None),
        ("50", Some(bounds(50, 50, 50))),
        ("500", Some(bounds(500, 500, 500))),
        ("{ start = 20, min = 5, max = 1000 }", Some(bounds(20, 5, 1000))),
        ("{ start = 500, min = 5, max = 1000 }", Some(bounds(500, 5, 1000))),
    ] {
        println!("| `{name}` |{}", Storm::play(everybody_at_once(limits), SEED));
    }
}

const CAPACITY: usize = 50;
const SEED: u64 = 1;
