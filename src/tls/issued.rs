//! Certificates that come and go while a listener is open: no file has them, and no reload takes them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;

/// The certificates that were issued for the names of a listener, and those that prove that the names are ours. Clones are
/// the same: what one is given, all have.
#[derive(Clone, Debug)]
pub struct IssuedCertificates(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The names that certificates are to be had for, in lower case: sessions are bound to them, issued or not.
    names: BTreeSet<String>,
    current: ArcSwap<Current>,
}

/// By name, in lower case.
#[derive(Clone, Debug, Default)]
struct Current {
    certified: HashMap<String, Arc<CertifiedKey>>,
    challenges: HashMap<String, Arc<CertifiedKey>>,
}

impl IssuedCertificates {
    /// None yet, for these names.
    pub fn for_names(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self(Arc::new(Shared { names, current: ArcSwap::default() }))
    }

    /// Serves `certified` to who asks for `name` from now on.
    pub fn put(&self, name: &str, certified: Arc<CertifiedKey>) {
        self.change(|current| current.certified.insert(name.to_ascii_lowercase(), Arc::clone(&certified)));
    }

    /// Serves these from now on, and shows these proofs and no others: all at once.
    pub fn fill(&self, certified: &[(&str, &Arc<CertifiedKey>)], proofs: &[(&str, &Arc<CertifiedKey>)]) {
        let lower = |all: &[(&str, &Arc<CertifiedKey>)]| -> HashMap<_, _> {
            all.iter().map(|&(name, key)| (name.to_ascii_lowercase(), Arc::clone(key))).collect()
        };
        let (certified, challenges) = (lower(certified), lower(proofs));
        let current = self.0.current.load();
        let is_there = |(name, key): (&String, _)| current.certified.get(name).is_some_and(|it| Arc::ptr_eq(it, key));
        if challenges.is_empty() && current.challenges.is_empty() && certified.iter().all(is_there) {
            return;
        }
        self.change(|current| {
            current.certified.extend(certified.clone());
            current.challenges.clone_from(&challenges);
        });
    }

    /// Shows `proof` to the authority that asks for `name`, until [`end_challenge`](Self::end_challenge).
    pub fn begin_challenge(&self, name: &str, proof: Arc<CertifiedKey>) {
        self.change(|current| current.challenges.insert(name.to_ascii_lowercase(), Arc::clone(&proof)));
    }

    /// Shows no proof for `name` any more.
    pub fn end_challenge(&self, name: &str) {
        self.change(|current| current.challenges.remove(&name.to_ascii_lowercase()));
    }

    /// The certificate for a name in lower case.
    pub fn named(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.0.current.load().certified.get(name).cloned()
    }

    /// The names that certificates are to be had for.
    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.0.names
    }

    /// Every certificate that was issued.
    pub(super) fn certified(&self) -> Vec<Arc<CertifiedKey>> {
        self.0.current.load().certified.values().cloned().collect()
    }

    /// The proof for a name in lower case.
    pub fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.0.current.load().challenges.get(name).cloned()
    }

    fn change<R>(&self, change: impl Fn(&mut Current) -> R) {
        self.0.current.rcu(|current| {
            let mut next = Current::clone(current);
            change(&mut next);
            next
        });
    }
}

/// Whether they are the same, whatever was issued.
impl PartialEq for IssuedCertificates {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for IssuedCertificates {}
