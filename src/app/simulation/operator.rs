//! What an operator does to the proxy, and what must be so afterwards.

use std::mem::replace;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::site::{FOUND_NAME, Site};
use super::world::World;
use crate::drain::{DrainTarget, Overrides, Scope, TunnelHandle};
use crate::snapshot::{Diff, Vanished};

/// How long what is cut may take to be gone.
const MOMENT: Duration = Duration::from_secs(1);

impl World {
    /// One act of an operator.
    pub(super) fn act(&mut self) {
        match self.chance.number(0..10) {
            0 => self.reload(self.site.clone()),
            1..5 => {
                let mut site = self.site.clone();
                for _ in 0..self.chance.number(1..4) {
                    site.change(&mut self.chance);
                }
                self.reload(site);
            }
            5..7 => {
                let target = self.any_target();
                self.drain(&target);
            }
            7..9 => self.find(),
            _ => {
                let DrainTarget::Endpoint(target) = self.any_endpoint() else { return };
                let was_draining = self.running.undrain(&target);
                self.undrained += 1;
                self.ledger.note(&format!("operator: undrain {target}: {was_draining:?}"));
            }
        }
    }

    fn reload(&mut self, site: Site) {
        let reloaded = match self.running.reload(site.load()) {
            Ok(reloaded) => reloaded,
            // A socket that closes is not free at once.
            Err(error) => return self.ledger.note(&format!("operator: reload refused: {error}")),
        };
        self.ledger.note(&format!("operator: reload {:?}, {} drained", reloaded.diff.changes, reloaded.draining));
        self.is_named = site.is_found && (site.is_prompt || self.site.is_found && self.is_named);
        self.site = site;
        self.note_endpoints();
        self.note_lost(&reloaded.diff);
    }

    /// What a reload has taken away, or the first set of a source that was late for it.
    fn note_lost(&mut self, diff: &Diff) {
        self.note_found(&diff.leaving, &diff.returned);
        let Some(deadline) = self.site.reload_deadline() else { return };
        let scopes: Vec<Scope> = diff.vanished.iter().map(|vanished| vanished.scope).collect();
        self.vanished.extend(&scopes);
        let (registry, gone) = (Arc::clone(&self.running.proxy.registry), Instant::now() + deadline + MOMENT);
        self.checks.spawn(async move {
            sleep_until(gone).await;
            let left = registry.tunnels(|handle| scopes.iter().any(|scope| scope.contains(&handle.member)));
            assert!(left.is_empty(), "a reload's deadline has left open: {left:?}");
        });
    }

    /// A source names another set.
    fn find(&mut self) {
        let Some(set) = self.site.find(&mut self.chance) else { return };
        let diff = self.running.take_endpoints(&FOUND_NAME.into(), set);
        self.ledger.note(&format!("a source: {:?}", diff.changes));
        self.note_endpoints();
        if replace(&mut self.is_named, true) {
            self.note_found(&diff.leaving, &diff.returned);
            self.note_found(&diff.vanished, &[]);
        } else {
            self.note_lost(&diff);
        }
        for (_, diff) in self.running.drop_left() {
            self.ledger.note(&format!("a source: {:?}", diff.changes));
            self.note_found(&diff.vanished, &[]);
        }
    }

    fn note_found(&mut self, leaving: &[Vanished], returned: &[Scope]) {
        // Whoever is told already has its deadline all the same; the others are promised nothing more.
        self.undrained += returned.len() as u64;
        let scopes: Vec<Scope> = leaving.iter().map(|leaving| leaving.scope).collect();
        let is_told = |handle: &TunnelHandle| scopes.iter().any(|scope| scope.contains(&handle.member));
        let told = self.running.proxy.registry.tunnels(is_told);
        let gone = Instant::now() + self.site.discovery_deadline() + MOMENT;
        self.promises.push((gone, self.undrained, told));
        self.left.extend(scopes);
    }

    fn drain(&mut self, target: &DrainTarget) {
        let policy = self.running.operator_policy(&Overrides::default()).unwrap();
        let told = self.running.proxy.registry.tunnels(|handle| target.is_about(handle));
        let begun = self.running.drain(target, &policy);
        self.ledger.note(&format!("operator: drain {target}: {begun:?}"));
        self.drained.push(target.clone());
        let (gone, undrained) = (Instant::now() + policy.window.deadline + MOMENT, self.undrained);
        self.promises.push((gone, undrained, told));
    }

    /// The tunnels of a drain that was not taken back are gone by its deadline.
    pub(super) fn check_promises(&mut self) {
        let (now, undrained) = (Instant::now(), self.undrained);
        for (_, _, told) in self.promises.extract_if(.., |(gone, then, _)| now >= *gone && *then == undrained) {
            let left: Vec<_> = told.iter().filter(|handle| !handle.is_ended()).collect();
            assert!(left.is_empty(), "an operator's deadline has left open: {left:?}");
        }
    }

    fn any_target(&mut self) -> DrainTarget {
        let chance = &mut self.chance;
        match chance.number(0..6) {
            0 => DrainTarget::All,
            1 => DrainTarget::Listener(format!("l{}", chance.number(0..2)).as_str().into()),
            2 => DrainTarget::Route(format!("r{}", chance.number(0..3)).as_str().into()),
            _ => self.any_endpoint(),
        }
    }

    fn any_endpoint(&mut self) -> DrainTarget {
        format!("endpoint/u{}/e{}", self.chance.number(0..2), self.chance.number(0..4)).parse().unwrap()
    }

    /// Stops the proxy; a second signal may come in the middle of that.
    pub(super) async fn stop(&mut self) {
        self.ledger.note("operator: stop");
        self.ledger.note_ending();
        let begun = Instant::now();
        let longest = self.site.longest_stop() + MOMENT;
        if self.chance.one_in(4) {
            let second = self.chance.soon();
            if timeout(second, self.running.stop()).await.is_err() {
                self.ledger.note("operator: second signal");
                self.ledger.note_cutting();
                self.running.cut().await;
                // The process ends here, and takes in nobody after that.
                self.running.listeners.close().await;
            }
        } else {
            let stopped = self.running.stop().await;
            self.ledger.note(&format!("stopped: {stopped:?}"));
        }
        assert!(begun.elapsed() <= longest, "the stop took {:?}, and not {longest:?}", begun.elapsed());
        let proxy = Arc::clone(&self.running.proxy);
        assert!(proxy.registry.is_empty(), "tunnels are left after the stop");
        // Whoever had its last answer just now may still have a moment to close. Who was taken in just before a second signal
        // had ended the process has one to ask, too: nobody waits for that there.
        sleep(if self.ledger.is_cutting() { 2 * MOMENT } else { MOMENT }).await;
        assert_eq!(proxy.open_places(), 0, "sessions are left after the stop");
    }
}
