//! Follows a drain until it is over, in the process that serves and in those that handed over.

use std::time::Duration;

use tokio::time::sleep;

use super::failure::Failure;
use crate::admin::{Client, DrainAnswer, DrainState, DrainStatus, ParsedAnswer, Status};

/// How often the progress of a drain is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// One drain in one process.
struct Part {
    /// `None` is the process that is asked.
    pid: Option<u32>,
    id: u64,
    /// How it was seen last.
    seen: DrainStatus,
}

/// Shows how a drain goes until it is over everywhere; returns how it ended, all processes together.
pub(super) async fn follow(
    client: &Client,
    begun: &DrainAnswer,
    mut show: impl FnMut(&DrainStatus),
) -> Result<DrainStatus, Failure> {
    let mut parts = parts(begun);
    let (mut shown, mut asked) = (None, None);
    loop {
        let status: ParsedAnswer<Status> = client.get("/status").await?;
        let pid = status.value.pid;
        if *asked.get_or_insert(pid) != pid {
            let why = format!("process {pid} has taken over: `windlass status` shows how the drain goes on");
            return Err(Failure::Failed(why));
        }
        for part in &mut parts {
            part.look(&status.value)?;
        }
        let all = sum(begun, &parts);
        if all.state != DrainState::Running {
            return Ok(all);
        }
        let counts = (all.left, all.told, all.closed, all.cut, all.ends_in_seconds);
        if shown.replace(counts) != Some(counts) {
            show(&all);
        }
        sleep(LOOK).await;
    }
}

fn parts(begun: &DrainAnswer) -> Vec<Part> {
    let elsewhere = begun.predecessors.iter().filter_map(|it| Some((Some(it.pid), it.id?, it.tunnels)));
    let tunnels_elsewhere: usize = begun.predecessors.iter().map(|it| it.tunnels).sum();
    let here = (None, begun.id, begun.tunnels.saturating_sub(tunnels_elsewhere));
    let part = |(pid, id, tunnels)| Part { pid, id, seen: of_new(begun, tunnels) };
    [here].into_iter().chain(elsewhere).map(part).collect()
}

/// A drain that nobody has looked at yet.
fn of_new(begun: &DrainAnswer, tunnels: usize) -> DrainStatus {
    DrainStatus {
        id: begun.id,
        cause: "operator".into(),
        scope: begun.scope.clone(),
        state: DrainState::Running,
        tunnels,
        left: tunnels,
        told: 0,
        closed: 0,
        cut: 0,
        ends_in_seconds: 0,
        raised_to_per_second: begun.raised_to_per_second,
    }
}

impl Part {
    fn look(&mut self, status: &Status) -> Result<(), Failure> {
        if self.seen.state != DrainState::Running {
            return Ok(());
        }
        let drains = match self.pid {
            None => &status.drains,
            Some(pid) => match status.predecessors.iter().find(|it| it.pid == pid) {
                // It does not tell at the moment: it drains nevertheless.
                Some(predecessor) if predecessor.problem.is_some() => return Ok(()),
                Some(predecessor) => &predecessor.drains,
                // It has ended, and its tunnels with it.
                None => {
                    let DrainStatus { tunnels, cut, .. } = self.seen;
                    self.seen.state = DrainState::Complete;
                    (self.seen.left, self.seen.told, self.seen.closed) = (0, tunnels, tunnels.saturating_sub(cut));
                    return Ok(());
                }
            },
        };
        let found = drains.iter().find(|drain| drain.id == self.id);
        let forgotten = || Failure::Failed(format!("the process has forgotten drain {}", self.id));
        self.seen = found.ok_or_else(forgotten)?.clone();
        Ok(())
    }
}

fn sum(begun: &DrainAnswer, parts: &[Part]) -> DrainStatus {
    let mut all = of_new(begun, 0);
    all.state = DrainState::Complete;
    for Part { seen, .. } in parts {
        all.tunnels += seen.tunnels;
        all.left += seen.left;
        all.told += seen.told;
        all.closed += seen.closed;
        all.cut += seen.cut;
        all.ends_in_seconds = all.ends_in_seconds.max(seen.ends_in_seconds);
        all.state = match (all.state, seen.state) {
            (DrainState::Running, _) | (_, DrainState::Running) => DrainState::Running,
            (DrainState::TakenBack, _) | (_, DrainState::TakenBack) => DrainState::TakenBack,
            (DrainState::HandedOn, _) | (_, DrainState::HandedOn) => DrainState::HandedOn,
            (DrainState::Complete, DrainState::Complete) => DrainState::Complete,
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::DrainingPredecessor;

    fn begun() -> DrainAnswer {
        DrainAnswer {
            id: 3,
            scope: "endpoint/chat/a".into(),
            tunnels: 12,
            over_seconds: 1.0,
            deadline_seconds: 3.0,
            raised_to_per_second: None,
            predecessors: vec![
                DrainingPredecessor { pid: 70, id: Some(2), tunnels: 9, problem: None },
                DrainingPredecessor { pid: 80, id: None, tunnels: 0, problem: Some("it does not answer".into()) },
            ],
        }
    }

    #[test]
    fn a_drain_is_over_when_it_is_over_everywhere() {
        let begun = begun();
        let mut parts = parts(&begun);
        assert_eq!(parts.iter().map(|it| (it.pid, it.id)).collect::<Vec<_>>(), [(None, 3), (Some(70), 2)]);
        parts[0].seen = DrainStatus { state: DrainState::Complete, left: 0, told: 3, closed: 3, ..of_new(&begun, 3) };
        let all = sum(&begun, &parts);
        assert_eq!((all.state, all.tunnels, all.left, all.closed), (DrainState::Running, 12, 9, 3));
        parts[1].seen =
            DrainStatus { state: DrainState::Complete, left: 0, told: 9, closed: 8, cut: 1, ..of_new(&begun, 9) };
        let all = sum(&begun, &parts);
        assert_eq!((all.state, all.closed, all.cut), (DrainState::Complete, 11, 1));
    }
}
