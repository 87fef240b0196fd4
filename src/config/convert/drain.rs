//! `[drain]`.

use std::num::NonZeroU32;

use crate::config::defaults;
use crate::config::read::{choice, close_code, integer, or_off, text};
use crate::config::schema::{DISCOVERY, DRAIN, HANDOFF, RELOAD, STOP};
use crate::config::settings::{
    DrainSettings, DrainWindow, HandoffSettings, HandoffTunnels, OnReload, StopTunnels, UnderSupervisor,
};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::{DURATION, write_duration};

pub(in crate::config) fn drain(file: &Section<'_>) -> DrainSettings {
    let section = file.section("drain", &DRAIN);
    let stop = section.section("stop", &STOP);
    let reload = section.section("reload", &RELOAD);
    DrainSettings {
        close_code: section.read("close_code", close_code, defaults::DRAIN_CLOSE_CODE),
        max_per_second: section.read("max_per_second", max_per_second, defaults::DRAIN_MAX_PER_SECOND),
        stop_delay: stop.read("delay", or_off(text(DURATION)), defaults::STOP_DELAY),
        stop: window(&stop, STOP_WINDOW),
        stop_tunnels: stop.read("tunnels", choice(&STOP_TUNNELS), defaults::STOP_TUNNELS),
        reload: window(&reload, RELOAD_WINDOW),
        on_reload: reload.read("on", choice(&ON_RELOAD), defaults::RELOAD_ON),
        discovery: window(&section.section("discovery", &DISCOVERY), DISCOVERY_WINDOW),
        handoff: handoff(&section.section("handoff", &HANDOFF)),
    }
}

fn handoff(section: &Section<'_>) -> HandoffSettings {
    HandoffSettings {
        window: window(section, HANDOFF_WINDOW),
        tunnels: section.read("tunnels", choice(&HANDOFF_TUNNELS), defaults::HANDOFF_TUNNELS),
        max_predecessors: section.read("max_predecessors", max_predecessors, defaults::MAX_PREDECESSORS),
        ready_within: section.read("ready_within", text(DURATION), defaults::READY_WITHIN),
        under_supervisor: section.read("under_supervisor", choice(&UNDER_SUPERVISOR), defaults::UNDER_SUPERVISOR),
    }
}

fn window(section: &Section<'_>, default: DrainWindow) -> DrainWindow {
    let deadline = section.try_read("deadline", text(DURATION), default.deadline);
    let spread = section.try_read("spread", text(DURATION), default.spread);
    if let (Some(deadline), Some(spread)) = (deadline, spread)
        && spread > deadline
    {
        let (spread, deadline) = (write_duration(spread), write_duration(deadline));
        let problem = format!("the spread ({spread}) is longer than the deadline ({deadline})");
        if let Some(written) = section.item("spread") {
            written.fault(problem, format!("write a spread of at most {deadline}, better less"));
        } else if let Some(written) = section.item("deadline") {
            written.fault(problem, format!("{spread} is the default: set `spread` too"));
        }
    }
    DrainWindow { deadline: deadline.unwrap_or(default.deadline), spread: spread.unwrap_or(default.spread) }
}

fn max_per_second(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    const MOST: u64 = 1_000_000;
    u32::try_from(integer(1..=MOST)(item)?).ok().and_then(NonZeroU32::new)
}

fn max_predecessors(item: &SpannedValue<'_>) -> Option<usize> {
    const MOST: u64 = 100;
    usize::try_from(integer(1..=MOST)(item)?).ok()
}

const ON_RELOAD: [(&str, OnReload); 2] = [("drain", OnReload::Drain), ("keep", OnReload::Keep)];

const HANDOFF_TUNNELS: [(&str, HandoffTunnels); 2] = [("move", HandoffTunnels::Move), ("drain", HandoffTunnels::Drain)];

const STOP_TUNNELS: [(&str, StopTunnels); 2] = [("drain", StopTunnels::Drain), ("keep", StopTunnels::Keep)];

const UNDER_SUPERVISOR: [(&str, UnderSupervisor); 2] =
    [("refuse", UnderSupervisor::Refuse), ("allow", UnderSupervisor::Allow)];

const STOP_WINDOW: DrainWindow = DrainWindow { deadline: defaults::STOP_DEADLINE, spread: defaults::STOP_SPREAD };
const RELOAD_WINDOW: DrainWindow = DrainWindow { deadline: defaults::RELOAD_DEADLINE, spread: defaults::RELOAD_SPREAD };
const DISCOVERY_WINDOW: DrainWindow =
    DrainWindow { deadline: defaults::DISCOVERY_DEADLINE, spread: defaults::DISCOVERY_SPREAD };
const HANDOFF_WINDOW: DrainWindow =
    DrainWindow { deadline: defaults::HANDOFF_DEADLINE, spread: defaults::HANDOFF_SPREAD };
