//! Where the requests of a route go: `upstream`, `split` among several, `redirect`, or `respond`.

use std::sync::Arc;

use super::names::Earlier;
use super::redirect::redirect;
use super::respond::respond;
use crate::config::endpoint_text::MOST_WEIGHT;
use crate::config::lists::elements;
use crate::config::names::UpstreamName;
use crate::config::read::integer;
use crate::config::schema::SPLIT;
use crate::config::settings::{BranchSettings, Destination, Settings};
use crate::config::tree::{Section, SpannedValue};

/// Of `[route.NAME]`; `upstream` reads the name of one.
pub(super) fn destination(
    section: &Section<'_>,
    upstream: impl Fn(&SpannedValue<'_>) -> Option<UpstreamName> + Copy,
) -> Option<Destination> {
    let written: Vec<_> = KEYS.into_iter().filter(|key| section.has(key)).collect();
    let first = written.first().copied().unwrap_or("upstream");
    for key in written.iter().skip(1) {
        section.item(key).iter().for_each(|item| {
            item.fault(
                format!("says where requests go, and so does `{first}`"),
                "keep one of them; a route of its own, with another path, host or condition, can have the other",
            );
        });
    }
    let destination = match (first, section.item(first)) {
        ("redirect", Some(item)) => redirect(&item).map(Destination::Redirect),
        ("respond", Some(item)) => respond(&item).map(|it| Destination::Respond(Arc::new(it))),
        ("split", Some(item)) => split(&item, upstream),
        _ => {
            let upstream = section.require("upstream", upstream, EXAMPLE_OF_UPSTREAM);
            upstream.map(|upstream| Destination::Upstreams(vec![BranchSettings { upstream, weight: 1 }]))
        }
    };
    destination.filter(|_| written.len() < 2)
}

fn split(
    item: &SpannedValue<'_>,
    upstream: impl Fn(&SpannedValue<'_>) -> Option<UpstreamName> + Copy,
) -> Option<Destination> {
    let branches = elements(item, |item| branch(item, upstream), EXAMPLE)?;
    let read: Vec<_> = branches.iter().map(|item| branch(item, upstream)).collect();
    let mut earlier = Earlier::new();
    for (item, branch) in branches.iter().zip(&read) {
        let Some(branch) = branch else { continue };
        if let Some(other) = earlier.note(branch.upstream.clone(), item.location().key()) {
            item.fault(format!("is upstream.{} as {other} is", branch.upstream), "add the two weights up");
        }
    }
    let read: Vec<_> = read.into_iter().collect::<Option<_>>()?;
    if read.iter().all(|branch| branch.weight == 0) {
        item.fault("sends nobody anywhere", format!("give one of them a weight, as in {EXAMPLE}"));
    }
    Some(Destination::Upstreams(read))
}

/// Notes a problem for each upstream that shares a route with another one and is to place its clients by something else: the order of
/// the list would decide by what they are known.
pub(in crate::config) fn check_splits(file: &Section<'_>, settings: &Settings) {
    let sources = |name: &UpstreamName| settings.upstreams.get(name).map(|upstream| &upstream.sticky_on);
    for route in settings.routes.values() {
        let Some(first) = route.destination.upstreams().next() else { continue };
        for other in route.destination.upstreams().filter(|other| sources(other) != sources(first)) {
            file.location_of(&["upstream", other.as_str(), "sticky_on"]).fault(
                format!(
                    "places clients by another `sticky_on` than upstream.{first}, with which it shares those of route.{}",
                    route.name
                ),
                "write the same sticky_on in both",
            );
        }
    }
}

fn branch(
    item: &SpannedValue<'_>,
    upstream: impl Fn(&SpannedValue<'_>) -> Option<UpstreamName>,
) -> Option<BranchSettings> {
    let section = item.section(&SPLIT)?;
    let upstream = section.require("upstream", upstream, "upstream = \"blue\"");
    let weight = section.require("weight", integer(0..=MOST_WEIGHT.into()), "weight = 95");
    Some(BranchSettings { upstream: upstream?, weight: u32::try_from(weight?).ok()? })
}

const EXAMPLE: &str = "[{ upstream = \"blue\", weight = 95 }, { upstream = \"green\", weight = 5 }]";

const EXAMPLE_OF_UPSTREAM: &str = "upstream, the NAME of an [upstream.NAME]; or redirect, or respond";

const KEYS: [&str; 4] = ["upstream", "split", "redirect", "respond"];
