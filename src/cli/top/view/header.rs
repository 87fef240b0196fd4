//! The first lines: which process that is and how it stands, what goes on in it, what drains, what needs somebody.

use std::time::Instant;

use ratatui::text::{Line, Span};

use super::palette::Palette;
use crate::admin::{DrainState, DrainStatus, InDirections};
use crate::cli::amounts::time;
use crate::cli::top::measure::Rates;
use crate::cli::top::model::{Contact, Model};
use crate::cli::top::seen::Seen;
use crate::cli::top::text::{self, byte_rate, harmless, number, rate, width};

/// How many drains are shown.
const DRAINS: usize = 3;
const BAR: usize = 10;
/// What stands between two facts in a line.
const BETWEEN: &str = "   ";

pub(super) fn lines(model: &Model, palette: Palette, now: Instant, room: usize) -> Vec<Line<'static>> {
    let mut lines = first(model, room);
    lines.extend(contact(model, now).into_iter().flat_map(|text| alert(&text, palette, room)));
    let Some(seen) = model.seen.as_deref() else { return lines };
    lines.extend(alerts(seen).iter().flat_map(|text| alert(text, palette, room)));
    lines.extend(packed(traffic(model, seen), room));
    lines.extend(packed(endings(model), room));
    let here = seen.drains.iter().map(|it| (it, None));
    let elsewhere = seen.predecessors.iter().flat_map(|of| of.drains.iter().map(|it| (it, Some(of.pid))));
    let running = here.chain(elsewhere).filter(|(it, _)| it.state == DrainState::Running);
    let drains: Vec<_> = running.map(|(it, pid)| drain(it, pid)).collect();
    lines.extend(drains.iter().take(DRAINS).flat_map(|text| text::lines(text, palette.changing(), room)));
    let more = drains.len().saturating_sub(DRAINS);
    if more > 0 {
        lines.push(Line::from(format!("… and {more} more that drain: `windlass status` has all")));
    }
    lines
}

fn first(model: &Model, room: usize) -> Vec<Line<'static>> {
    let left = match model.seen.as_deref() {
        Some(Seen { process, at, .. }) => {
            let uptime = time((at / 1000).saturating_sub(process.since));
            format!(
                "windlass {}, process {}, {} for {uptime}, generation {}",
                harmless(&process.version),
                process.pid,
                harmless(&process.phase),
                process.generation
            )
        }
        None => "windlass top".to_owned(),
    };
    let rights = match model.may_steer {
        Some(false) => ", only looking",
        Some(true) | None => "",
    };
    let paused = if model.is_paused { "PAUSED " } else { "" };
    let right = format!("{paused}{}{rights}, every {}", model.place, time(model.every.as_secs()));
    let left = Span::styled(left, Palette::title());
    match room.checked_sub(left.width() + width(&right)) {
        Some(blanks) if blanks > 1 => vec![Line::from(vec![left, Span::raw(" ".repeat(blanks)), Span::raw(right)])],
        _ => vec![Line::from(left), Line::from(right)],
    }
}

/// As many in a line as there is room for.
fn packed(facts: Vec<String>, room: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut().filter(|line| width(line) + BETWEEN.len() + width(&fact) <= room) {
            Some(line) => *line += &format!("{BETWEEN}{fact}"),
            None => lines.push(fact),
        }
    }
    lines.into_iter().map(Line::from).collect()
}

/// What is wrong between us and the process.
fn contact(model: &Model, now: Instant) -> Option<String> {
    match &model.contact {
        Contact::Waiting => Some(format!("asking at {} …", model.place)),
        Contact::Live => None,
        Contact::Lost { since, why } => {
            let passed = time(now.saturating_duration_since(*since).as_secs());
            Some(format!("no news for {passed}, trying again: {why}"))
        }
    }
}

fn alert(text: &str, palette: Palette, room: usize) -> Vec<Line<'static>> {
    text::lines(&format!("! {text}"), palette.bad(), room)
}

fn traffic(model: &Model, seen: &Seen) -> Vec<String> {
    let mut tunnels = format!("{} open tunnels", seen.now.tunnels);
    if seen.process.most_tunnels > 0 {
        tunnels += &format!(" (room for {})", number(seen.process.most_tunnels as u64));
    }
    let mut facts = vec![tunnels];
    if seen.now.tunnels_of_predecessors > 0 {
        facts.push(format!("{} of them in processes that handed over", seen.now.tunnels_of_predecessors));
    }
    let told = |what: &str, it: InDirections<f64>, written: fn(f64) -> String| {
        format!("{what}/s {} from clients, {} from endpoints", written(it.from_client), written(it.from_upstream))
    };
    match model.measure.rates() {
        Some(Rates { messages, bytes }) => {
            facts.extend([told("messages", messages, rate), told("bytes", bytes, byte_rate)]);
        }
        None => facts.push("rates follow with the next look".to_owned()),
    }
    facts
}

fn endings(model: &Model) -> Vec<String> {
    let all = model.measure.endings();
    let by = |who: &str| all.iter().filter(|it| it.by == who).map(|it| it.count).sum::<u64>();
    let count: u64 = all.iter().map(|it| it.count).sum();
    let (refusals, reconnections) = model.measure.refusals_and_reconnections();
    let span = last_minute(model.measure.seconds());
    let (clients, endpoints, windlass) = (by("client"), by("upstream"), by("windlass"));
    vec![
        format!("ended {span}: {count} (by clients {clients}, endpoints {endpoints}, windlass {windlass})"),
        format!("came back {reconnections}"),
        format!("refused {refusals}"),
    ]
}

/// The last minute, as far as it was watched.
pub(super) fn last_minute(seconds: u64) -> String {
    if seconds < 60 { format!("in the last {}", time(seconds)) } else { "in the last minute".to_owned() }
}

/// What needs somebody.
fn alerts(seen: &Seen) -> Vec<String> {
    let mut alerts = Vec::new();
    if let Some(why) = seen.reloads.as_ref().and_then(|it| it.last_refusal.as_ref()) {
        let first = why.lines().next().unwrap_or_default();
        alerts.push(format!("the last reload was refused: {}", harmless(first)));
    }
    for upstream in &seen.upstreams {
        let is_shut = !upstream.endpoints.is_empty()
            && upstream.endpoints.iter().all(|it| !it.state.is_empty() && it.state != "eligible");
        if is_shut {
            alerts.push(format!("no endpoint of {} takes newcomers", harmless(&upstream.name)));
        }
    }
    alerts
}

fn drain(drain: &DrainStatus, pid: Option<u32>) -> String {
    let DrainStatus { id, cause, scope, tunnels, left, told, cut, ends_in_seconds, .. } = drain;
    let gone = tunnels.saturating_sub(*left);
    let filled = (gone * BAR).checked_div(*tunnels).unwrap_or(BAR).min(BAR);
    let bar = "█".repeat(filled) + &"░".repeat(BAR - filled);
    let elsewhere = pid.map(|pid| format!(" in process {pid}")).unwrap_or_default();
    let (scope, cause, ends) = (harmless(scope), harmless(cause), time(*ends_in_seconds));
    format!(
        "drain {id} {scope}{elsewhere}  {bar}  {left} of {tunnels} left, ends in {ends}, {told} told, {cut} cut ({cause})"
    )
}
