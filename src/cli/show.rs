//! What people read: tables and sentences.

use anstyle::Style;

use super::amounts::time;
use crate::admin::{
    CauseStatus, CloseAnswer, DrainAnswer, DrainState, DrainStatus, DrainingPredecessor, EndpointStatus, FailingStatus,
    HandoffAnswer, PlanAnswer, PlannedLeaving, PlannedPredecessor, ReloadAnswer, ReloadsStatus, Status, UndrainAnswer,
    UpstreamSource,
};
use crate::config::counted;

pub(super) fn status(status: &Status) -> String {
    let Status { version, pid, config, phase, generation, sessions, tunnels: open, reloads, .. } = status;
    let ReloadsStatus { changed, unchanged, refused, last_refusal, last: _ } = reloads;
    let of_file = config.as_ref().map_or_else(String::new, |file| format!(" of {}", file.display()));
    let mut text = format!(
        "windlass {version}, process {pid}, {phase} for {}\n\
         generation {generation}{of_file}; reloads: {changed} changed, {unchanged} changed nothing, {refused} refused\n\
         {}, {}\n",
        time(status.uptime_seconds),
        tunnels(*open),
        counted(*sessions, "session"),
    );
    if status.tunnels_of_predecessors > 0 {
        text += &format!("{} of them in processes that handed over\n", status.tunnels_of_predecessors);
    }
    if let Some(refusal) = last_refusal {
        text += &format!("the last reload was refused:\n{}\n", indented(refusal));
    }
    if status.tunnels_of_what_is_gone > 0 {
        text += &format!("{} of what the configuration has no more\n", tunnels(status.tunnels_of_what_is_gone));
    }
    for (upstream, whom) in status.upstreams.iter().filter_map(|it| Some((&it.name, it.not_served.as_ref()?))) {
        text += &format!("upstream {upstream} serves {whom}\n");
    }
    let listeners = status.listeners.iter().map(|it| {
        let tls = if it.tls { "TLS" } else { "plain" };
        [it.name.clone(), it.address.clone(), tls.into()]
    });
    text += &table(["LISTENER", "ADDRESS", ""], listeners);
    let routes = status.routes.iter().map(|it| [it.name.clone(), it.upstream.clone(), it.tunnels.to_string()]);
    text += &table(["ROUTE", "UPSTREAM", "TUNNELS"], routes);
    let endpoints = status.upstreams.iter().flat_map(|upstream| {
        upstream.endpoints.iter().map(|endpoint| {
            let EndpointStatus { name, address, tunnels, .. } = endpoint;
            [format!("{}/{name}", upstream.name), address.clone(), tunnels.to_string(), state(endpoint), why(endpoint)]
        })
    });
    text += &table(["ENDPOINT", "ADDRESS", "TUNNELS", "STATE", ""], endpoints);
    let sources = status.upstreams.iter().filter_map(|upstream| {
        let UpstreamSource { source, age_seconds, problem, .. } = upstream.source.as_ref()?;
        let age = age_seconds.map_or_else(|| "never".into(), |seconds| format!("{} ago", time(seconds)));
        Some([upstream.name.clone(), source.clone(), age, problem.clone().unwrap_or_default()])
    });
    text += &table(["UPSTREAM", "SOURCE", "ANSWERED", ""], sources);
    let certificates = status.certificates.iter().map(|it| {
        let valid = match it.ends_in_seconds {
            None => "none yet".into(),
            Some(0) => "has ended".into(),
            Some(seconds) => format!("for {}", time(seconds)),
        };
        let order = it.order_in_seconds.map_or_else(|| "now".into(), |seconds| format!("in {}", time(seconds)));
        [it.name.clone(), valid, order, it.problem.clone().unwrap_or_default()]
    });
    text += &table(["CERTIFICATE", "VALID", "ORDERED", ""], certificates);
    let predecessors = status.predecessors.iter().map(|it| {
        let tunnels = it.tunnels.map_or_else(|| "?".into(), |tunnels| tunnels.to_string());
        let ends = it.ends_in_seconds.map_or_else(|| "?".into(), |seconds| format!("in {}", time(seconds)));
        let problem = it.problem.as_ref().map_or_else(String::new, |why| format!("not counted above: {why}"));
        [it.pid.to_string(), tunnels, ends, problem]
    });
    text += &table(["HANDED OVER BY", "TUNNELS", "ENDS", ""], predecessors);
    let here = status.drains.iter().map(|drain| (drain, None));
    let elsewhere = status.predecessors.iter().flat_map(|it| it.drains.iter().map(|drain| (drain, Some(it.pid))));
    let drains = here.chain(elsewhere).map(|(it, elsewhere)| {
        let ends = match it.state {
            DrainState::Running => format!("in {}", time(it.ends_in_seconds)),
            DrainState::Complete => "over".into(),
            DrainState::TakenBack => "taken back".into(),
            DrainState::HandedOn => "handed on".into(),
        };
        let raised = it.raised_to_per_second.map(|rate| format!("rate raised to {rate}/s"));
        let elsewhere = elsewhere.map(|pid| format!("in process {pid}"));
        let notes = elsewhere.into_iter().chain(raised).collect::<Vec<_>>().join(", ");
        let counts = [it.left, it.told, it.closed, it.cut].map(|count| count.to_string());
        let [left, told, closed, cut] = counts;
        [it.id.to_string(), it.cause.clone(), it.scope.clone(), left, told, closed, cut, ends, notes]
    });
    text += &table(["DRAIN", "CAUSE", "SCOPE", "LEFT", "TOLD", "CLOSED", "CUT", "ENDS", ""], drains);
    text.trim_end().to_owned()
}

/// The state of an endpoint, as a process of an older version says it, too.
pub(super) fn state(EndpointStatus { draining, state, .. }: &EndpointStatus) -> String {
    if state.is_empty() && *draining { "drained".into() } else { state.clone() }
}

/// For how long each cause has spoken against it, and why; people know why they drain. Where none does, what has failed there all the same.
pub(super) fn why(EndpointStatus { causes, failing, .. }: &EndpointStatus) -> String {
    if causes.is_empty() {
        let failing = failing.iter().map(|it| {
            let FailingStatus { for_seconds, why, .. } = it;
            format!("{} failed, for {} now: {why}", it.which(), time(*for_seconds))
        });
        return failing.collect::<Vec<_>>().join("; ");
    }
    let causes = causes.iter().enumerate().map(|(at, CauseStatus { cause, for_seconds, why, .. })| {
        // The first is the state, which stands beside it.
        let word = if at == 0 { String::new() } else { format!("{cause} ") };
        let why = if cause == "drained" { String::new() } else { format!(": {why}") };
        format!("{word}for {}{why}", time(*for_seconds))
    });
    causes.collect::<Vec<_>>().join("; ")
}

pub(super) fn reloaded(answer: &ReloadAnswer) -> String {
    let ReloadAnswer { config, generation, changes, renames, draining, warnings } = answer;
    let read = format!("{}read {}", warned(warnings), config.display());
    if changes.is_empty() {
        return format!("{read}: nothing has changed; serving generation {generation}");
    }
    let mut text = changes.iter().chain(renames).fold(read + "\n", |text, change| text + change + "\n");
    text += &format!("serving generation {generation}; {} drained", tunnels(*draining));
    text
}

pub(super) fn handed_over(answer: &HandoffAnswer) -> String {
    let HandoffAnswer { pid, moved, stayed, longest_pause_ms } = answer;
    let mut text = format!("process {pid} serves now; ");
    if *moved > 0 {
        text += &format!("{} moved there, and stood still for {longest_pause_ms} ms at the most; ", tunnels(*moved));
    }
    if stayed.is_empty() {
        return text + "the one before it ends";
    }
    let reasons: Vec<_> = stayed.iter().map(|(why, count)| format!("{count} {why}")).collect();
    text + &format!("{} drain in the one before it ({})", tunnels(stayed.values().sum()), reasons.join(", "))
}

pub(super) fn plan(plan: &PlanAnswer) -> String {
    let PlanAnswer { changes, renames, closing, staying, kept, warnings, .. } = plan;
    if changes.is_empty() {
        return warned(warnings) + "nothing would change";
    }
    let mut text = changes.iter().chain(renames).fold(warned(warnings), |text, line| text + line + "\n");
    let losing = plan.losing.iter().map(|it| [it.route.clone(), it.endpoint.clone(), it.tunnels.to_string()]);
    text += &table(["ROUTE", "ENDPOINT", if *kept > 0 { "KEPT" } else { "CLOSED" }], losing);
    if !plan.losing.is_empty() {
        text += "\n";
    }
    if let Some(PlannedLeaving { tunnels, .. }) = &plan.leaving {
        let rows = tunnels.iter().map(|it| [it.route.clone(), it.endpoint.clone(), it.tunnels.to_string()]);
        text += &(table(["ROUTE", "ENDPOINT", "LEAVING"], rows) + "\n");
    }
    text += &format!("{} would stay", tunnels(*staying + *kept));
    if *kept > 0 {
        text += &format!(", {kept} of them on what is gone (drain.reload.on = \"keep\")");
    }
    let elsewhere = plan.predecessors.iter().filter_map(planned_elsewhere).collect::<String>();
    if *closing == 0 {
        return text + "; none would be closed" + &elsewhere;
    }
    let leaving = plan.leaving.as_ref().map_or(0, |leaving| leaving.tunnels.iter().map(|it| it.tunnels).sum());
    if *closing > leaving {
        let PlanAnswer { over_seconds, deadline_seconds, raised_to_per_second, .. } = plan;
        let pace = pace(*over_seconds, *deadline_seconds, *raised_to_per_second);
        text += &format!("\n{} would be closed: {pace}", tunnels(*closing - leaving));
    }
    if let Some(PlannedLeaving { over_seconds, deadline_seconds, raised_to_per_second, .. }) = &plan.leaving {
        let pace = pace(*over_seconds, *deadline_seconds, *raised_to_per_second);
        text += &format!("\n{} would be closed with an endpoint that leaves: {pace}", tunnels(leaving));
    }
    text + &elsewhere
}

fn pace(over_seconds: f64, deadline_seconds: f64, raised_to_per_second: Option<u32>) -> String {
    let pace = format!("told over {over_seconds:.0} s, cut after {deadline_seconds:.0} s");
    match raised_to_per_second {
        Some(rate) => format!("{pace}; the deadline needs {rate} a second, more than max_per_second"),
        None => pace,
    }
}

/// A line about a process that handed over, where it has something to lose.
fn planned_elsewhere(it: &PlannedPredecessor) -> Option<String> {
    let PlannedPredecessor { pid, losing, ends_in_seconds, problem, .. } = it;
    let ends = ends_in_seconds.map_or_else(|| "its own end".into(), |seconds| format!("its end in {}", time(seconds)));
    match (losing, problem) {
        (Some(0), _) => None,
        (Some(losing), _) => Some(format!(
            "\n{losing} more on what is gone in process {pid}, which handed over: a reload does not reach it, and it drains \
             until {ends}; `windlass drain` does"
        )),
        (None, problem) => {
            let problem = problem.as_deref().unwrap_or("?");
            let tunnels = it.tunnels.map_or_else(|| "tunnels".into(), tunnels);
            Some(format!("\nprocess {pid}, which handed over, has {tunnels}, but does not say on what: {problem}"))
        }
    }
}

/// A line for each warning.
fn warned(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
}

pub(super) fn undrained(answer: &UndrainAnswer) -> String {
    let UndrainAnswer { endpoint, was_draining, .. } = answer;
    match was_draining {
        true => format!("{endpoint} takes new tunnels again"),
        false => format!("{endpoint} was not draining"),
    }
}

pub(super) fn closed(answer: &CloseAnswer) -> String {
    let CloseAnswer { of, tunnels: count, tunnels_of_predecessors, unknown_claims, .. } = answer;
    let mut text = match count {
        0 => format!("no tunnel is open of {of}"),
        _ => format!("{} of {of} closed", tunnels(*count)),
    };
    if *tunnels_of_predecessors > 0 {
        text += &format!("\n{tunnels_of_predecessors} of them in processes that handed over");
    }
    if !unknown_claims.is_empty() {
        let names = unknown_claims.join(", ");
        text += &format!(
            "\nno open tunnel has a claim {names}: as the token says it, in lower case where `authorize` takes it"
        );
    }
    text
}

pub(super) fn draining(answer: &DrainAnswer) -> String {
    let DrainAnswer { id, scope, tunnels: count, over_seconds, deadline_seconds, raised_to_per_second, .. } = answer;
    let mut text = format!(
        "drain {id}: {scope}, {}, told over {over_seconds:.0} s, cut after {deadline_seconds:.0} s",
        tunnels(*count)
    );
    if let Some(rate) = raised_to_per_second {
        text += &format!("; the deadline needs {rate} a second, more than max_per_second");
    }
    for DrainingPredecessor { pid, tunnels: count, .. } in answer.predecessors.iter().filter(|it| it.tunnels > 0) {
        text += &format!("\n{count} of them in process {pid}, which handed over");
    }
    text
}

pub(super) fn progress(drain: &DrainStatus) -> String {
    let DrainStatus { left, told, closed, cut, ends_in_seconds, .. } = drain;
    format!("{left} left, {told} told, {closed} closed, {cut} cut, ends in {}", time(*ends_in_seconds))
}

pub(super) fn drained(drain: &DrainStatus) -> String {
    let DrainStatus { state, tunnels: count, left, closed, cut, .. } = drain;
    match state {
        DrainState::TakenBack => format!("taken back: {closed} closed, {cut} cut, {left} stay"),
        DrainState::HandedOn => {
            format!("handed on: {closed} closed, {cut} cut; `windlass status` has the drain of the others")
        }
        DrainState::Running | DrainState::Complete => format!("over: {}, {closed} closed, {cut} cut", tunnels(*count)),
    }
}

pub(super) fn tunnels(count: usize) -> String {
    counted(count, "tunnel")
}

/// Columns under their titles, each as wide as its widest cell; nothing where there are no rows.
pub(super) fn table<const N: usize>(titles: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let all = || std::iter::once(titles.map(str::to_owned)).chain(rows.iter().cloned());
    let widths = all().fold([0; N], |widths, row| {
        let mut wider = row.map(|cell| cell.chars().count());
        wider.iter_mut().zip(widths).for_each(|(wide, before)| *wide = (*wide).max(before));
        wider
    });
    let line = |row: [String; N]| {
        let cells = row.into_iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut lines = all().map(line);
    let titles = lines.next().unwrap_or_default();
    format!("\n{TITLES}{}{TITLES:#}\n{}", titles.trim_end(), lines.collect::<String>())
}

/// Titles stand out on a terminal; elsewhere `say` leaves that out.
const TITLES: Style = Style::new().bold();

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["longer".into(), "20".into()]];
        let shown = format!("\n{TITLES}NAME    N{TITLES:#}\na       1\nlonger  20\n");
        assert_eq!(table(["NAME", "N"], rows.into_iter()), shown);
        assert_eq!(table(["NAME"], std::iter::empty()), "");
    }

    #[test]
    fn what_speaks_against_an_endpoint_is_read_beside_its_state() {
        let cause = |cause: &str, for_seconds, why: &str| CauseStatus {
            cause: cause.into(),
            since: 1_790_000_000,
            for_seconds,
            why: why.into(),
        };
        let read_both = |causes: &[CauseStatus], failing: &[FailingStatus]| {
            why(&EndpointStatus {
                name: "a".into(),
                address: "127.0.0.1:1".into(),
                tunnels: 0,
                tunnels_of_predecessors: 0,
                draining: false,
                state: String::new(),
                causes: causes.to_vec(),
                failing: failing.to_vec(),
            })
        };
        let read = |causes: &[CauseStatus]| read_both(causes, &[]);
        assert_eq!(read(&[]), "");
        assert_eq!(read(&[cause("drained", 9, "an operator drains it")]), "for 9 s");
        let [down, ejected] = [cause("down", 64, "status 503"), cause("ejected", 2, "its trial failed: no answer")];
        assert_eq!(read(std::slice::from_ref(&down)), "for 1 min 4 s: status 503");
        let failing = FailingStatus { asked: "upgrades".into(), in_a_row: 3, for_seconds: 64, why: "reset".into() };
        let once = FailingStatus { asked: "exchanges".into(), in_a_row: 1, for_seconds: 2, why: "status 502".into() };
        let both =
            "the last 3 upgrades failed, for 1 min 4 s now: reset; the last exchange failed, for 2 s now: status 502";
        assert_eq!(read_both(&[], &[failing.clone(), once]), both);
        assert_eq!(read_both(std::slice::from_ref(&down), &[failing]), "for 1 min 4 s: status 503");
        assert_eq!(read(&[down, ejected]), "for 1 min 4 s: status 503; ejected for 2 s: its trial failed: no answer");
    }
}
