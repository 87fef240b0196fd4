//! The first lines: which process that is and how it stands, what goes on in it, what drains, what needs somebody.

use std::time::Instant;

use ratatui::text::{Line, Span};

use super::palette::Palette;
use crate::admin::{DrainState, DrainStatus, InDirections};
use crate::cli::amounts::time;
use crate::cli::top::measure::Rates;
use crate::cli::top::model::{Contact, Model};
use crate::cli::top::seen::Seen;
use crate::cli::top::text::{byte_rate, harmless, number, rate, width};

/// How many drains are shown.
const DRAINS: usize = 3;
const BAR: usize = 20;

pub(super) fn lines(model: &Model, palette: Palette, now: Instant, room: usize) -> Vec<Line<'static>> {
    let mut lines = vec![first(model, room)];
    lines.extend(contact(model, now).map(|text| alert(text, palette)));
    let Some(seen) = model.seen.as_deref() else { return lines };
    lines.push(traffic(model, seen));
    lines.push(endings(model));
    lines.extend(alerts(seen).into_iter().map(|text| alert(text, palette)));
    let here = seen.drains.iter().map(|it| (it, None));
    let elsewhere = seen.predecessors.iter().flat_map(|of| of.drains.iter().map(|it| (it, Some(of.pid))));
    let running = here.chain(elsewhere).filter(|(it, _)| it.state == DrainState::Running);
    let mut drains: Vec<_> = running.map(|(it, pid)| drain(it, pid, palette)).collect();
    let more = drains.len().saturating_sub(DRAINS);
    drains.truncate(DRAINS);
    lines.extend(drains);
    if more > 0 {
        lines.push(Line::from(format!("… and {more} more that drain: `windlass status` has all")));
    }
    lines
}

fn first(model: &Model, room: usize) -> Line<'static> {
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
    let blanks = room.saturating_sub(width(&left) + width(&right)).max(2);
    let spans = vec![Span::styled(left, Palette::title()), Span::raw(" ".repeat(blanks)), Span::raw(right)];
    Line::from(spans)
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

fn alert(text: String, palette: Palette) -> Line<'static> {
    Line::styled(format!("! {text}"), palette.bad())
}

fn traffic(model: &Model, seen: &Seen) -> Line<'static> {
    let mut text = format!("{} open tunnels", seen.now.tunnels);
    if seen.process.most_tunnels > 0 {
        text += &format!(" (room for {})", number(seen.process.most_tunnels as u64));
    }
    if seen.now.tunnels_of_predecessors > 0 {
        text += &format!(", {} of them in processes that handed over", seen.now.tunnels_of_predecessors);
    }
    let told = |it: InDirections<f64>, written: fn(f64) -> String| {
        format!("{}/s from clients, {}/s from endpoints", written(it.from_client), written(it.from_upstream))
    };
    let rates = match model.measure.rates() {
        Some(Rates { messages, bytes }) => {
            format!("   messages {}   bytes {}", told(messages, rate), told(bytes, byte_rate))
        }
        None => "   rates follow with the next look".to_owned(),
    };
    Line::from(vec![Span::styled(text, Palette::title()), Span::raw(rates)])
}

fn endings(model: &Model) -> Line<'static> {
    let measure = &model.measure;
    let of = |by: &str| measure.endings().iter().filter(|it| it.by == by).map(|it| it.count).sum::<u64>();
    let (refusals, reconnections) = measure.refusals_and_reconnections();
    let all: u64 = measure.endings().iter().map(|it| it.count).sum();
    let span = match measure.seconds() {
        60.. => "in the last minute".to_owned(),
        seconds => format!("in the last {}", time(seconds)),
    };
    Line::from(format!(
        "ended {span}: {all} (by clients {}, endpoints {}, windlass {})   came back {reconnections}   refused {refusals}",
        of("client"),
        of("upstream"),
        of("windlass")
    ))
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

fn drain(drain: &DrainStatus, pid: Option<u32>, palette: Palette) -> Line<'static> {
    let DrainStatus { id, cause, scope, tunnels, left, told, cut, ends_in_seconds, .. } = drain;
    let gone = tunnels.saturating_sub(*left);
    let filled = (gone * BAR).checked_div(*tunnels).unwrap_or(BAR).min(BAR);
    let bar = "█".repeat(filled) + &"░".repeat(BAR - filled);
    let elsewhere = pid.map(|pid| format!(" in process {pid}")).unwrap_or_default();
    let scope = harmless(scope);
    let text = format!(
        "drain {id} ({}) of {scope}{elsewhere}  {bar}  {gone} of {tunnels} gone, {told} told, {cut} cut, ends in {}",
        harmless(cause),
        time(*ends_in_seconds)
    );
    Line::styled(text, palette.changing())
}
