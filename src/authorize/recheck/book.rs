//! What is asked again, when, and what an answer means for the tunnels that it is about.
//!
//! Invariants: each credential has at least one tunnel, and stands in `due` for its next question or its end, whichever comes first;
//! only one that is being asked about, and has no end, does not. An end that a server has given holds, whatever becomes of its route.

mod credential;
mod route_page;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use credential::{Credential, CredentialKey, Stage, jittered, leave_end, next_look};
use route_page::RoutePage;
pub(super) use route_page::{PaceNews, ServerNews};

use super::asking_route::AskingRoute;
use super::good::Good;
use crate::authorize::question::Question;
use crate::config::RouteName;
use crate::drain::{Cause, StopOrder, TunnelHandle};
use crate::websocket::CloseCode;

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
    /// This is news of a route.
    Tell(RouteName, PaceNews),
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

impl Book {
    /// From now on these routes ask. What others asked about is forgotten: their tunnels stay, until the end that they were given.
    pub(super) fn keep_to(&mut self, routes: HashMap<RouteName, AskingRoute>) {
        let mut before = std::mem::take(&mut self.routes);
        self.routes = routes
            .into_iter()
            .map(|(name, now)| {
                let page = match before.remove(&name) {
                    Some(page) => RoutePage { now, ..page },
                    None => RoutePage { now, next_free: None, under_way: 0, is_failing: false, is_behind: false },
                };
                (name, page)
            })
            .collect();
        let gone = self.credentials.iter().filter(|(_, it)| !self.routes.contains_key(&it.key.0));
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(credential) = self.forget(id) else { continue };
            for (_, tunnel) in &credential.tunnels {
                leave_end(tunnel, credential.good);
            }
        }
    }

    /// A tunnel has opened by a good answer to this question. By which numbers it leaves; `None` where its route asks no more, and
    /// then it has its end by itself.
    pub(super) fn join(
        &mut self,
        key: CredentialKey,
        question: Arc<Question>,
        good: Good,
        tunnel: Arc<TunnelHandle>,
    ) -> Option<(u64, usize)> {
        let Some(page) = self.routes.get(&key.0) else {
            leave_end(&tunnel, good);
            return None;
        };
        let next = next_look(good, page.recheck())?;
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
            due: None,
        });
        let place = credential.tunnels.insert(tunnel);
        // A tunnel may take long to open, and meanwhile there was another answer.
        let is_news = good.at >= credential.good.at;
        if is_news {
            credential.question = question;
            credential.good = good;
            credential.is_failing = false;
        }
        let stage = match credential.stage {
            Stage::Resting(_) | Stage::Paced(_) if is_news => Stage::Resting(next),
            stage => stage,
        };
        self.put(id, stage);
        Some((id, place))
    }

    /// The question about a credential, and its last good answer; `None` where nothing is asked about it any more.
    pub(super) fn last_good(&self, id: u64) -> Option<(Arc<Question>, Good)> {
        self.credentials.get(&id).map(|credential| (Arc::clone(&credential.question), credential.good))
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
            if let Some(step) = self.look_at(id, now) {
                return step;
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
        // Its last tunnel may have ended meanwhile, or its time.
        let Some(credential) = self.credentials.get_mut(&id) else { return news };
        match (reply, recheck) {
            (Reply::Denied, _) => {
                self.end(id, Cause::Refused);
                return news;
            }
            (Reply::Granted(good), _) => {
                credential.good = good;
                credential.is_failing = false;
            }
            (Reply::None, Some(recheck)) => {
                credential.is_failing = true;
                let again = now + jittered(recheck.every / 10).clamp(SOONEST_AGAIN, LATEST_AGAIN);
                self.put(id, Stage::Resting(again));
                return news;
            }
            (Reply::None, None) => {}
        }
        self.rest(id);
        news
    }

    /// The credential is due: for its end, for a question, or for a share of its route's second.
    fn look_at(&mut self, id: u64, now: Instant) -> Option<Step> {
        let credential = self.credentials.get_mut(&id)?;
        let page = self.routes.get_mut(&credential.key.0)?;
        let recheck = page.recheck();
        if let Some((_, cause)) = credential.end(recheck).filter(|(end, _)| *end <= now) {
            self.end(id, cause);
            return None;
        }
        match (credential.stage, recheck) {
            (Stage::Asked, _) => self.put(id, Stage::Asked),
            (_, None) => self.rest(id),
            (Stage::Resting(_), Some(recheck)) => {
                let free = page.next_free.map_or(now, |free| free.max(now));
                page.next_free = Some(free + Duration::from_secs(1) / recheck.per_second.get());
                let news = page.note_wait(free - now, recheck);
                let route = credential.key.0.clone();
                // At once, where nobody waits.
                self.put(id, Stage::Paced(free));
                return news.map(|news| Step::Tell(route, news));
            }
            (Stage::Paced(free), Some(_)) if free > now => self.put(id, Stage::Paced(free)),
            (Stage::Paced(_), Some(_)) if page.under_way >= MOST_UNDER_WAY => {
                // Its share stays its own.
                self.put(id, Stage::Paced(now + WHILE_MANY_ARE_UNDER_WAY));
            }
            (Stage::Paced(_), Some(_)) => {
                page.under_way += 1;
                let ask = Step::Ask(id, Arc::clone(&credential.question), page.now.clone());
                self.put(id, Stage::Asked);
                return Some(ask);
            }
        }
        None
    }

    /// Puts a credential where it is looked at next by its last good answer, or forgets it where that is never.
    fn rest(&mut self, id: u64) {
        let Some(credential) = self.credentials.get(&id) else { return };
        let recheck = self.routes.get(&credential.key.0).and_then(RoutePage::recheck);
        match next_look(credential.good, recheck) {
            Some(next) => self.put(id, Stage::Resting(next)),
            None => {
                self.forget(id);
            }
        }
    }

    /// The credential is at this stage from now on, and is looked at when that is over, or it.
    fn put(&mut self, id: u64, stage: Stage) {
        let Some(credential) = self.credentials.get_mut(&id) else { return };
        let recheck = self.routes.get(&credential.key.0).and_then(RoutePage::recheck);
        let end = credential.end(recheck).map(|(end, _)| end);
        let next = match stage {
            Stage::Resting(next) | Stage::Paced(next) => Some(next),
            Stage::Asked => None,
        };
        credential.stage = stage;
        let before = std::mem::replace(&mut credential.due, end.into_iter().chain(next).min());
        if let Some(before) = before {
            self.due.remove(&(before, id));
        }
        self.due.extend(credential.due.map(|due| (due, id)));
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

    fn forget(&mut self, id: u64) -> Option<Credential> {
        let credential = self.credentials.remove(&id)?;
        if let Some(due) = credential.due {
            self.due.remove(&(due, id));
        }
        self.keys.remove(&credential.key);
        Some(credential)
    }

    /// How many credentials there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.keys.len(), self.credentials.len());
        assert!(self.credentials.values().all(|it| !it.tunnels.is_empty()));
        for (id, credential) in &self.credentials {
            assert!(credential.due.map_or(credential.stage == Stage::Asked, |due| self.due.contains(&(due, *id))));
            assert!(credential.good.until.is_none_or(|until| credential.due.is_some_and(|due| due <= until)));
        }
        assert_eq!(self.due.len(), self.credentials.values().filter(|it| it.due.is_some()).count());
        self.credentials.len()
    }
}

/// When a server that does not answer is asked about the same credential again.
const SOONEST_AGAIN: Duration = Duration::from_secs(1);
const LATEST_AGAIN: Duration = Duration::from_secs(60);

/// How many questions of a route are under way at once.
const MOST_UNDER_WAY: usize = 64;

/// When it is looked again whether there is room for one.
const WHILE_MANY_ARE_UNDER_WAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
