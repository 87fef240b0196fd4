//! What operators order, in this process and in those that handed over and drain still.
//!
//! Here it is done at once; the others are asked in the background, and the answer waits for theirs, for a bounded time.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::control::Control;
use super::operator::{DrainStarted, UnknownTarget};
use super::plan::Plan;
use crate::admin::{
    Answered, CommandError, DrainAnswer, DrainOrder, DrainingPredecessor, Holdings, PlanAnswer, PlannedLeaving,
    PlannedPredecessor, PlannedTunnels, PredecessorDrain, Question, Reply, UndrainAnswer, Unreached, ask,
};
use crate::config::{EndpointName, RouteName, UpstreamName};
use crate::drain::{Cause, Drain, DrainPolicy, DrainTarget, EndpointTarget, Overrides};
use crate::handoff::Predecessor;

impl Control {
    pub(super) async fn drain(&mut self, target: DrainTarget, overrides: &Overrides, reply: Reply<DrainAnswer>) {
        let policy = match self.running.operator_policy(overrides) {
            Ok(policy) => policy,
            Err(bad) => {
                // Whoever asked may have left; so below.
                let _ = reply.send(Err(CommandError::Nonsense(bad.to_string())));
                return;
            }
        };
        self.settle().await;
        let here = self.running.drain(&target, &policy);
        if let Ok(DrainStarted { tunnels, .. }) = &here {
            tracing::info!(scope = %target, tunnels, "an operator drains");
        }
        // A tunnel has one number in all of them.
        let is_found = matches!(target, DrainTarget::Tunnel(_)) && here.is_ok();
        let (predecessors, drains) = (self.running.predecessors.clone(), self.running.drains.clone());
        self.see_to(async move {
            let there = match is_found {
                true => Vec::new(),
                false => ask(&predecessors, &Question::Drain(DrainOrder::new(&target, &policy))).await,
            };
            let begun = here.or_else(|unknown| {
                known_elsewhere(&there, unknown)?;
                // There is nothing here, and a number for whoever asks how it goes.
                let drain = Drain::of(Vec::new(), policy.order(Cause::Operator), &policy);
                let (over, deadline) = (drain.pace().duration(), policy.window.deadline);
                let id = drains.run(Cause::Operator, target.to_string(), drain);
                Ok(DrainStarted { id, tunnels: 0, over, deadline, raised_to: None })
            });
            let _ = reply.send(begun.map(|begun| drained(&target, begun, there)));
        });
    }

    pub(super) fn undrain(&mut self, target: EndpointTarget, reply: Reply<UndrainAnswer>) {
        let here = self.running.undrain(&target);
        if let Some(was_draining) = here {
            tracing::info!(endpoint = %target, was_draining, "an operator takes a drain back");
        }
        let predecessors = self.running.predecessors.clone();
        self.see_to(async move {
            let endpoint = target.to_string();
            let there = ask(&predecessors, &Question::Undrain { endpoint: endpoint.clone() }).await;
            let (mut was_draining, mut not_reached) = (here, Vec::new());
            for Answered::<Option<bool>> { predecessor: Predecessor { pid, .. }, answer } in there {
                match answer {
                    Ok(it) => was_draining = was_draining.max(it),
                    Err(problem) => not_reached.push(Unreached { pid, problem }),
                }
            }
            let unknown = || {
                let unreached = not_reached.iter().map(|Unreached { pid, problem }| unreached(*pid, problem));
                let unreached: String = unreached.collect();
                CommandError::Unknown(format!(
                    "there is no endpoint {endpoint}: `windlass status` names what there is{unreached}"
                ))
            };
            let answer = was_draining.ok_or_else(unknown);
            let _ = reply.send(answer.map(|was_draining| UndrainAnswer { endpoint, was_draining, not_reached }));
        });
    }

    pub(super) fn answer_plan(&mut self, plan: Plan, sources: Vec<String>, reply: Reply<PlanAnswer>) {
        let predecessors = self.running.predecessors.clone();
        self.see_to(async move {
            let there = ask(&predecessors, &Question::Holdings).await;
            let mut answer = planned(&plan, there);
            answer.warnings.extend(sources);
            let _ = reply.send(Ok(answer));
        });
    }

    /// Waits for tunnels that are on their way here: an order finds each of them in one process or in the other, and not between them.
    pub(super) async fn settle(&self) {
        let _ = timeout(SETTLED_WITHIN, self.running.predecessors.settled()).await;
    }

    /// Sees to something in the background: what comes next does not wait for other processes.
    pub(super) fn see_to(&mut self, errand: impl Future<Output = ()> + Send + 'static) {
        while self.errands.try_join_next().is_some() {}
        self.errands.spawn(errand);
    }
}

/// How long an order waits for tunnels that are on their way here: mostly longer than they are. One that comes in the middle of a move finds
/// them all by its endpoint, claim or number; by route, listener or upstream it may miss some, and is given again.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// Whether a predecessor knows what nobody knows here.
fn known_elsewhere(there: &[Answered<Option<PredecessorDrain>>], unknown: UnknownTarget) -> Result<(), CommandError> {
    if there.iter().any(|it| matches!(it.answer, Ok(Some(_)))) {
        return Ok(());
    }
    let unreached = there.iter().filter_map(|it| Some(unreached(it.predecessor.pid, it.answer.as_ref().err()?)));
    Err(CommandError::Unknown(format!("{unknown}{}", unreached.collect::<String>())))
}

pub(super) fn unreached(pid: u32, problem: &str) -> String {
    format!("; process {pid}, which handed over, may know: {problem}")
}

fn drained(target: &DrainTarget, begun: DrainStarted, there: Vec<Answered<Option<PredecessorDrain>>>) -> DrainAnswer {
    let DrainStarted { id, tunnels, over, deadline, raised_to } = begun;
    let mut answer = DrainAnswer {
        id,
        scope: target.to_string(),
        tunnels,
        over_seconds: crate::drain::seconds(over),
        deadline_seconds: crate::drain::seconds(deadline),
        raised_to_per_second: raised_to,
        predecessors: Vec::new(),
    };
    for Answered { predecessor: Predecessor { pid, .. }, answer: drain } in there {
        let (drain, problem) = match drain {
            Ok(drain) => (drain, None),
            Err(problem) => (None, Some(problem)),
        };
        let drain = drain.map(|PredecessorDrain { id, tunnels, over_seconds, raised_to_per_second }| {
            answer.tunnels += tunnels;
            answer.over_seconds = answer.over_seconds.max(over_seconds);
            answer.raised_to_per_second = answer.raised_to_per_second.max(raised_to_per_second);
            (id, tunnels)
        });
        let (id, tunnels) = drain.unzip();
        answer.predecessors.push(DrainingPredecessor { pid, id, tunnels: tunnels.unwrap_or(0), problem });
    }
    answer
}

fn planned(plan: &Plan, there: Vec<Answered<Holdings>>) -> PlanAnswer {
    let tunnels = |by_place: &BTreeMap<(RouteName, UpstreamName, EndpointName), usize>| {
        let of_place = |((route, upstream, endpoint), tunnels): (&(RouteName, _, EndpointName), &usize)| {
            PlannedTunnels { route: route.to_string(), endpoint: format!("{upstream}/{endpoint}"), tunnels: *tunnels }
        };
        by_place.iter().map(of_place).collect::<Vec<_>>()
    };
    let DrainPolicy { window, .. } = &plan.policy;
    let leaving = PlannedLeaving {
        tunnels: tunnels(&plan.leaving),
        over_seconds: crate::drain::seconds(plan.leaving_pace.duration()),
        deadline_seconds: crate::drain::seconds(plan.leaving_policy.window.deadline),
        raised_to_per_second: plan.leaving_pace.raised_to(),
    };
    PlanAnswer {
        changes: plan.diff.changes.iter().map(ToString::to_string).collect(),
        renames: plan.renames.iter().map(ToString::to_string).collect(),
        losing: tunnels(&plan.losing),
        leaving: Some(leaving).filter(|leaving| !leaving.tunnels.is_empty()),
        closing: plan.closing(),
        staying: plan.staying,
        kept: plan.kept(),
        predecessors: there.into_iter().map(|it| planned_elsewhere(plan, it)).collect(),
        over_seconds: crate::drain::seconds(plan.pace.duration()),
        deadline_seconds: crate::drain::seconds(window.deadline),
        raised_to_per_second: plan.pace.raised_to(),
        warnings: plan.warnings.lines(),
    }
}

fn planned_elsewhere(plan: &Plan, answered: Answered<Holdings>) -> PlannedPredecessor {
    let Predecessor { pid, tunnels } = answered.predecessor;
    match answered.answer {
        Ok(Holdings { tunnels: held, ends_in_seconds, .. }) => {
            let lost = held.iter().filter(|held| held.stands_on(&plan.served) && !held.stands_on(&plan.planned));
            PlannedPredecessor {
                pid,
                tunnels: Some(held.iter().map(|held| held.tunnels).sum()),
                losing: Some(lost.map(|held| held.tunnels).sum()),
                ends_in_seconds,
                problem: None,
            }
        }
        Err(_) if plan.diff.vanished.is_empty() => {
            PlannedPredecessor { pid, tunnels, losing: Some(0), ends_in_seconds: None, problem: None }
        }
        Err(problem) => {
            PlannedPredecessor { pid, tunnels, losing: None, ends_in_seconds: None, problem: Some(problem) }
        }
    }
}
