//! How it stands with each name: for operators who look.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::pki_types::UnixTime;

use super::failure::Failure;

/// How it stands with each name that certificates are ordered for.
#[derive(Debug, Default)]
pub struct AcmeStatuses(Mutex<BTreeMap<String, AcmeStatus>>);

/// How it stands with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcmeStatus {
    /// When its certificate ends; `None` where there is none.
    pub ends: Option<UnixTime>,
    /// When it is ordered, again if there is one; after a failure, when that is tried next.
    pub order_at: Option<UnixTime>,
    /// How often it has failed.
    pub failures: u64,
    /// Why it has failed, where it has since there was a certificate.
    pub problem: Option<Failure>,
}

impl AcmeStatuses {
    /// The names are these from now on.
    pub fn keep<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        let mut statuses = self.locked();
        let mut before = std::mem::take(&mut *statuses);
        *statuses = names.into_iter().map(|name| (name.to_owned(), before.remove(name).unwrap_or_default())).collect();
    }

    /// There is a certificate that ends then; it is to be renewed at `order_at`.
    pub(super) fn note_certificate(&self, name: &str, ends: UnixTime, order_at: UnixTime) {
        self.change(name, |status| {
            *status =
                AcmeStatus { ends: Some(ends), order_at: Some(order_at), failures: status.failures, problem: None };
        });
    }

    /// It is to be renewed at `order_at`.
    pub(super) fn note_plan(&self, name: &str, order_at: UnixTime) {
        self.change(name, |status| status.order_at = Some(order_at));
    }

    /// An order came to nothing; the next is at `order_at`.
    pub(super) fn note_failure(&self, name: &str, failure: &Failure, order_at: UnixTime) {
        self.change(name, |status| {
            status.failures += 1;
            status.problem = Some(failure.clone());
            status.order_at = Some(order_at);
        });
    }

    /// It failed before this process began; the next order is at `order_at`.
    pub(super) fn note_pause(&self, name: &str, failure: Failure, order_at: UnixTime) {
        self.change(name, |status| (status.problem, status.order_at) = (Some(failure), Some(order_at)));
    }

    /// How it stands with every name.
    pub fn all(&self) -> Vec<(String, AcmeStatus)> {
        self.locked().iter().map(|(name, status)| (name.clone(), status.clone())).collect()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut AcmeStatus)) {
        if let Some(status) = self.locked().get_mut(name) {
            change(status);
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, AcmeStatus>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_problem_is_told_until_there_is_a_certificate_and_the_old_one_with_it() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let statuses = AcmeStatuses::default();
        let of = |name: &str| statuses.all().into_iter().find(|(it, _)| it == name).map(|(_, status)| status).unwrap();
        statuses.keep(["a.test", "b.test"]);
        assert_eq!(of("a.test"), AcmeStatus::default());
        statuses.note_certificate("a.test", at(90), at(60));
        statuses.note_failure("a.test", &Failure::new("no"), at(70));
        let failing = of("a.test");
        assert_eq!((failing.ends, failing.order_at, failing.failures), (Some(at(90)), Some(at(70)), 1));
        assert_eq!(failing.problem.map(|it| it.to_string()).as_deref(), Some("no"));
        statuses.keep(["a.test"]);
        statuses.note_certificate("a.test", at(190), at(160));
        assert_eq!((of("a.test").problem, of("a.test").failures), (None, 1));
        statuses.note_failure("b.test", &Failure::new("no"), at(70));
        assert_eq!(statuses.all().len(), 1);
    }
}
