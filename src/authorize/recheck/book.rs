//! What is asked again, when, and what an answer means for the tunnels that it is about.
//!
//! Invariant: each credential has at least one tunnel, and stands in `due` unless it is being asked about.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use super::asking_route::AskingRoute;
use super::good::Good;
use crate::authorize::question::Question;
use crate::config::{AuthorizeSettings, RecheckSettings, RouteName};
use crate::drain::{Cause, StopOrder, TunnelHandle};
use crate::websocket::CloseCode;

/// By which two tunnels share a question: their route, and a keyed hash of what the client sent.
pub(super) type CredentialKey = (RouteName, [u8; 32]);

/// What became of a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Granted(Good),
    Denied,
    None,
}

/// What is to be done now.
#[derive(Debug)]
pub(super) enum Step {
    /// This is to be asked.
    Ask(u64, Arc<Question>, AskingRoute),
    /// Nothing, until then.
    Wait(Option<Instant>),
}

/// Everything that is asked again.
#[derive(Debug, Default)]
pub(super) struct Book {
    routes: HashMap<RouteName, RoutePage>,
    keys: HashMap<CredentialKey, u64>,
    credentials: HashMap<u64, Credential>,
    /// When which credential is looked at.
    due: BTreeSet<(Instant, u64)>,
    last: u64,
}

#[derive(Debug)]
struct RoutePage {
    now: AskingRoute,
    /// When the next question may be asked: each takes its share of a second.
    next_free: Option<Instant>,
    under_way: usize,
    /// Its last question had no answer.
    is_failing: bool,
}

#[derive(Debug)]
struct Credential {
    key: CredentialKey,
    question: Arc<Question>,
    tunnels: Slab<Arc<TunnelHandle>>,
    good: Good,
    stage: Stage,
    /// The last question had no answer.
    is_failing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is looked at then.
    Resting(Instant),
    /// It has its share of the route's second, then.
    Paced(Instant),
    /// It is being asked about.
    Asked,
}

impl Book {
    /// From now on these routes ask. What others asked about is forgotten, and their tunnels stay.
    pub(super) fn keep_to(&mut self, routes: HashMap<RouteName, AskingRoute>) {
        let mut before = std::mem::take(&mut self.routes);
        self.routes = routes
            .into_iter()
            .map(|(name, now)| {
                let page = match before.remove(&name) {
                    Some(page) => RoutePage { now, ..page },
                    None => RoutePage { now, next_free: None, under_way: 0, is_failing: false },
                };
                (name, page)
            })
            .collect();
        let gone = self.credentials.iter().filter(|(_, it)| !self.routes.contains_key(&it.key.0));
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    /// A tunnel has opened by a good answer to this question. By which numbers it leaves; `None` where its route asks no more.
    pub(super) fn join(
        &mut self,
        key: CredentialKey,
        question: Arc<Question>,
        good: Good,
        tunnel: Arc<TunnelHandle>,
    ) -> Option<(u64, usize)> {
        let recheck = self.routes.get(&key.0)?.recheck();
        let next = next_look(good, recheck)?;
        let id = *self.keys.entry(key.clone()).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        let credential = self.credentials.entry(id).or_insert_with(|| Credential {
            key,
            question: Arc::clone(&question),
            tunnels: Slab::new(),
            good,
            stage: Stage::Resting(next),
            is_failing: false,
        });
        let place = credential.tunnels.insert(tunnel);
        credential.question = question;
        credential.good = good;
        credential.is_failing = false;
        if credential.stage != Stage::Asked {
            self.rest(id, Stage::Resting(next));
        }
        Some((id, place))
    }

    /// A tunnel has ended.
    pub(super) fn leave(&mut self, (id, place): (u64, usize)) {
        let Some(credential) = self.credentials.get_mut(&id) else { return };
        credential.tunnels.try_remove(place);
        if credential.tunnels.is_empty() {
            self.forget(id);
        }
    }

    /// What is to be done at `now`. Whoever is to be closed is told.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        while let Some(&(due, id)) = self.due.first() {
            if due > now {
                return Step::Wait(Some(due));
            }
            self.due.pop_first();
            if let Some(asked) = self.look_at(id, now) {
                return asked;
            }
        }
        Step::Wait(None)
    }

    /// What became of a question about a credential of this route. Returns whether that is news of its server.
    pub(super) fn note(&mut self, (id, route): (u64, &RouteName), reply: Reply, now: Instant) -> Option<ServerNews> {
        let page = self.routes.get_mut(route)?;
        page.under_way = page.under_way.saturating_sub(1);
        let (is_failing, was_failing) = (matches!(reply, Reply::None), page.is_failing);
        page.is_failing = is_failing;
        let news =
            (is_failing != was_failing).then_some(if is_failing { ServerNews::Silent } else { ServerNews::Answers });
        let recheck = page.recheck();
        // Its last tunnel may have ended meanwhile.
        let Some(credential) = self.credentials.get_mut(&id) else { return news };
        match (reply, recheck) {
            (Reply::Granted(good), _) => {
                credential.good = good;
                credential.is_failing = false;
                match next_look(good, recheck) {
                    Some(next) => self.rest(id, Stage::Resting(next)),
                    None => self.forget(id),
                }
            }
            (Reply::Denied, _) => self.end(id, Cause::Refused),
            (Reply::None, Some(recheck)) => {
                credential.is_failing = true;
                let again = now + jittered(recheck.every / 10).clamp(SOONEST_AGAIN, LATEST_AGAIN);
                let ends = credential.good.until.into_iter().chain([credential.good.at + recheck.grace]).min();
                let next = ends.map_or(again, |ends| ends.min(again)).max(now);
                self.rest(id, Stage::Resting(next));
            }
            (Reply::None, None) => match next_look(credential.good, None) {
                Some(next) => self.rest(id, Stage::Resting(next)),
                None => self.forget(id),
            },
        }
        news
    }

    /// The credential is due.
    fn look_at(&mut self, id: u64, now: Instant) -> Option<Step> {
        let credential = self.credentials.get_mut(&id)?;
        let page = self.routes.get_mut(&credential.key.0)?;
        if credential.good.until.is_some_and(|until| until <= now) {
            self.end(id, Cause::Expired);
            return None;
        }
        let Some(recheck) = page.recheck() else {
            match next_look(credential.good, None) {
                Some(next) => self.rest(id, Stage::Resting(next)),
                None => self.forget(id),
            }
            return None;
        };
        if credential.is_failing && credential.good.at + recheck.grace <= now {
            self.end(id, Cause::Unconfirmed);
            return None;
        }
        if let Stage::Resting(_) = credential.stage {
            let free = page.next_free.map_or(now, |free| free.max(now));
            page.next_free = Some(free + Duration::from_secs(1) / recheck.per_second.get());
            if free > now {
                self.rest(id, Stage::Paced(free));
                return None;
            }
        }
        if page.under_way >= MOST_UNDER_WAY {
            // Its share stays its own.
            self.rest(id, Stage::Paced(now + WHILE_MANY_ARE_UNDER_WAY));
            return None;
        }
        page.under_way += 1;
        credential.stage = Stage::Asked;
        Some(Step::Ask(id, Arc::clone(&credential.question), page.now.clone()))
    }

    /// Puts a credential where it is looked at next.
    fn rest(&mut self, id: u64, stage: Stage) {
        let Some(credential) = self.credentials.get_mut(&id) else { return };
        if let Stage::Resting(due) | Stage::Paced(due) = credential.stage {
            self.due.remove(&(due, id));
        }
        credential.stage = stage;
        if let Stage::Resting(due) | Stage::Paced(due) = stage {
            self.due.insert((due, id));
        }
    }

    /// Has every tunnel of a credential closed.
    fn end(&mut self, id: u64, cause: Cause) {
        let Some(credential) = self.credentials.get(&id) else { return };
        let settings = self.routes.get(&credential.key.0).and_then(|page| page.authorize());
        let usual = if cause == Cause::Expired { CloseCode::POLICY_VIOLATION } else { CloseCode::FORBIDDEN };
        let code = settings.and_then(|settings| settings.close_code).unwrap_or(usual);
        for (_, tunnel) in &credential.tunnels {
            tunnel.order_close(StopOrder::forbidding(cause, code, None));
        }
        self.forget(id);
    }

    fn forget(&mut self, id: u64) {
        let Some(credential) = self.credentials.remove(&id) else { return };
        if let Stage::Resting(due) | Stage::Paced(due) = credential.stage {
            self.due.remove(&(due, id));
        }
        self.keys.remove(&credential.key);
    }

    /// How many credentials there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.keys.len(), self.credentials.len());
        assert!(self.credentials.values().all(|it| !it.tunnels.is_empty()));
        let asked = self.credentials.values().filter(|it| it.stage == Stage::Asked).count();
        assert_eq!(self.due.len() + asked, self.credentials.len());
        self.credentials.len()
    }
}

/// What is new of a server that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerNews {
    /// It does not answer any more.
    Silent,
    /// It does again.
    Answers,
}

impl RoutePage {
    fn authorize(&self) -> Option<&AuthorizeSettings> {
        self.now.authorize()
    }

    fn recheck(&self) -> Option<RecheckSettings> {
        self.authorize()?.recheck
    }
}

/// When a credential is looked at next, after a good answer: to ask again in time, or to end it. `None`: never.
fn next_look(good: Good, recheck: Option<RecheckSettings>) -> Option<Instant> {
    let Some(recheck) = recheck else { return good.until };
    let next = good.at + jittered(recheck.every);
    let Some(until) = good.until else { return Some(next) };
    let left = until.saturating_duration_since(good.at);
    let before = until - (left / 10).min(LONGEST_BEFORE);
    Some(next.min(before))
}

/// As long, up to a tenth less or more.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// How long before its end a permission is asked about at the most.
const LONGEST_BEFORE: Duration = Duration::from_secs(30);

/// When a server that does not answer is asked about the same credential again.
const SOONEST_AGAIN: Duration = Duration::from_secs(1);
const LATEST_AGAIN: Duration = Duration::from_secs(60);

/// How many questions of a route are under way at once.
const MOST_UNDER_WAY: usize = 64;

/// When it is looked again whether there is room for one.
const WHILE_MANY_ARE_UNDER_WAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
