//! The storms that are played, and what must come of them.

use std::time::Duration;

use super::super::limit::tests::bounds;
use super::endpoint::EndpointModel;
use super::report::Report;
use super::storm::{Plan, Storm};
use crate::config::HandshakeLimits;

/// A hundred thousand clients, ten thousand of them behind one address, and four endpoints that take a thousand a second each:
/// 25 s where nothing is lost.
fn everybody_at_once(limits: Option<HandshakeLimits>) -> Plan {
    Plan {
        clients: 100_000,
        from_one_address: 10_000,
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

/// When nearly all of those were in who come with one connection.
fn others(plan: &Plan, report: &Report) -> Duration {
    report.in_by(99, |client| client >= plan.from_one_address).expect("they come in")
}

/// A limit that adapts costs a quarter of what the endpoints could do. Whoever comes with ten thousand connections delays nobody:
/// the others alone would need 90 % of the time.
#[test]
fn everybody_is_in_within_the_time_that_the_endpoints_need_for_them() {
    let plan = everybody_at_once(Some(bounds(20, 5, 1000)));
    let report = Storm::play(plan, SEED);
    let (others, all) = (others(&plan, &report), everybody(&report));
    assert!(others < Duration::from_secs(30) && all < Duration::from_secs(36), "{others:?} {all:?}");
    assert!(report.most_at_once <= 2 * CAPACITY, "{}", report.most_at_once);
    assert_eq!(report.failed, 0, "no handshake was late");
}

#[test]
fn one_who_comes_with_ten_thousand_connections_does_not_delay_the_others() {
    let beside = Plan { clients: 40_000, ..everybody_at_once(Some(bounds(50, 50, 50))) };
    let alone = Plan { clients: 30_000, from_one_address: 0, ..beside };
    let [beside, alone] = [beside, alone].map(|plan| {
        let report = Storm::play(plan, SEED);
        assert_eq!((report.most_at_once, report.failed), (CAPACITY, 0));
        (others(&plan, &report), everybody(&report))
    });
    assert!(beside.0 < alone.0.mul_f64(1.1), "{beside:?} {alone:?}");
    assert!(beside.1 < Duration::from_secs(16), "10 s for all: {beside:?}");
}

#[test]
fn without_a_limit_endpoints_work_for_nobody() {
    let plan = Plan { clients: 8_000, from_one_address: 0, ends: Duration::from_secs(60), ..everybody_at_once(None) };
    let report = Storm::play(plan, SEED);
    assert_eq!(report.in_by(50, |_| true), None);
    let limited = Plan { limits: Some(bounds(20, 5, 1000)), ..plan };
    assert!(everybody(&Storm::play(limited, SEED)) < Duration::from_secs(8));
}

#[test]
fn a_limit_that_begins_far_too_high_is_brought_down() {
    let plan = Plan { clients: 10_000, from_one_address: 0, ..everybody_at_once(Some(bounds(500, 5, 1000))) };
    let adapted = everybody(&Storm::play(plan, SEED));
    let fixed = everybody(&Storm::play(Plan { limits: Some(bounds(500, 500, 500)), ..plan }, SEED));
    assert!(2 * adapted < fixed, "{adapted:?} {fixed:?}");
}

/// Prints the table of `docs/storms.md`.
#[test]
#[ignore = "prints a table, and asserts nothing"]
fn table() {
    println!(
        "| `handshakes_at_once` | 50 % in | 99 % in | all in | 99 % of the others | at once | tries | refused | late |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, limits) in [
        ("\"off\"", None),
        ("50", Some(bounds(50, 50, 50))),
        ("500", Some(bounds(500, 500, 500))),
        ("{ start = 20, min = 5, max = 1000 }", Some(bounds(20, 5, 1000))),
        ("{ start = 500, min = 5, max = 1000 }", Some(bounds(500, 5, 1000))),
    ] {
        let plan = everybody_at_once(limits);
        println!("| `{name}` |{}", Storm::play(plan, SEED).row(|client| client >= plan.from_one_address));
    }
}

const CAPACITY: usize = 50;
const SEED: u64 = 1;
