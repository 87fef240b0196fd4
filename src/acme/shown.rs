//! What listeners show of what was ordered: certificates by name, and the proofs that names are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::sign::CertifiedKey;

use crate::config::ListenerName;
use crate::tls::{IssuedCertificate, IssuedCertificates};

/// What listeners show. A listener that a reload keeps shows the same on; one that is new shows what is there already.
#[derive(Debug, Default)]
pub struct Shown(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    listeners: BTreeMap<ListenerName, ListenerTable>,
    certificates: BTreeMap<String, (IssuedCertificate, Origin)>,
    proofs: BTreeMap<String, Arc<CertifiedKey>>,
}

/// Whom a certificate was had of, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The directory's URL.
    pub directory: String,
    /// The folder below which it is kept.
    pub folder: PathBuf,
}

/// What one listener shows, and for which names.
#[derive(Clone, Debug)]
pub struct ListenerTable {
    names: BTreeSet<String>,
    table: IssuedCertificates,
}

/// A proof is shown as long as this lives.
#[derive(Debug)]
pub(super) struct ProofGuard {
    shown: Arc<Shown>,
    name: String,
}

impl Shown {
    /// What `listener` is to show for these names: what it shows, where they are the same. Nothing is shown in a new one yet.
    pub fn table(&self, listener: &ListenerName, names: &[String]) -> ListenerTable {
        let names: BTreeSet<_> = names.iter().cloned().collect();
        let same = self.locked().listeners.get(listener).filter(|shown| shown.names == names).cloned();
        same.unwrap_or_else(|| ListenerTable { table: IssuedCertificates::for_names(names.iter().cloned()), names })
    }

    /// The listeners are these from now on, which show these `certificates` besides; what they have no name for is forgotten.
    pub fn keep(
        &self,
        listeners: BTreeMap<ListenerName, ListenerTable>,
        certificates: impl IntoIterator<Item = (String, (IssuedCertificate, Origin))>,
    ) {
        let state = &mut *self.locked();
        state.certificates.extend(certificates);
        state.listeners = listeners;
        let listeners = &state.listeners;
        state.certificates.retain(|name, _| listeners.values().any(|listener| listener.names.contains(name)));
        state.listeners.values().for_each(|listener| state.fill(listener));
    }

    /// Whether `table` is the one that `listener` shows already.
    pub fn is_served(&self, listener: &ListenerName, table: &ListenerTable) -> bool {
        self.locked().listeners.get(listener).is_some_and(|served| served.table == table.table)
    }

    /// Puts into a table what is there for its names, and what of `kept` is for them, before anybody asks.
    pub fn fill(&self, listener: &ListenerTable, kept: &[(String, IssuedCertificate)]) {
        let state = self.locked();
        state.fill(listener);
        let ListenerTable { names, table } = listener;
        let named = kept.iter().filter(|(name, _)| names.contains(name));
        let kept: Vec<_> = named.map(|(name, certificate)| (name.as_str(), certificate.certified())).collect();
        table.fill(&kept, &state.proofs_of(names));
    }

    /// The certificate for a name that was had of `origin`, if there is one.
    pub fn certificate(&self, name: &str, origin: &Origin) -> Option<IssuedCertificate> {
        let state = self.locked();
        state.certificates.get(name).filter(|(_, of)| of == origin).map(|(certificate, _)| certificate.clone())
    }

    /// Shows `certificate` for `name` from the next handshake on.
    pub fn put(&self, name: &str, certificate: IssuedCertificate, origin: Origin) {
        let state = &mut *self.locked();
        state.with(name).for_each(|listener| listener.table.put(name, Arc::clone(certificate.certified())));
        state.certificates.insert(name.to_owned(), (certificate, origin));
    }

    pub(super) fn begin_proof(self: &Arc<Self>, name: &str, proof: &Arc<CertifiedKey>) -> ProofGuard {
        let state = &mut *self.locked();
        state.with(name).for_each(|listener| listener.table.begin_challenge(name, Arc::clone(proof)));
        state.proofs.insert(name.to_owned(), Arc::clone(proof));
        ProofGuard { shown: Arc::clone(self), name: name.to_owned() }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn with<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s ListenerTable> {
        self.listeners.values().filter(move |listener| listener.names.contains(name))
    }

    fn fill(&self, ListenerTable { names, table }: &ListenerTable) {
        let certified =
            names.iter().filter_map(|name| Some((name.as_str(), self.certificates.get(name)?.0.certified())));
        let certified: Vec<_> = certified.collect();
        table.fill(&certified, &self.proofs_of(names));
    }

    fn proofs_of<'s>(&'s self, names: &'s BTreeSet<String>) -> Vec<(&'s str, &'s Arc<CertifiedKey>)> {
        names.iter().filter_map(|name| Some((name.as_str(), self.proofs.get(name)?))).collect()
    }
}

impl ListenerTable {
    /// What the listener's TLS looks at.
    pub fn certificates(&self) -> &IssuedCertificates {
        &self.table
    }
}

impl Drop for ProofGuard {
    fn drop(&mut self) {
        let state = &mut *self.shown.locked();
        state.proofs.remove(&self.name);
        state.with(&self.name).for_each(|listener| listener.table.end_challenge(&self.name));
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn issued(name: &str) -> IssuedCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        let text = format!("{}{}", key.serialize_pem(), certificate.pem());
        IssuedCertificate::parse(text.as_bytes(), name).unwrap()
    }

    fn origin() -> Origin {
        Origin { directory: "https://acme.test".into(), folder: "/var/lib/acme".into() }
    }

    #[test]
    fn what_another_directory_has_issued_is_shown_and_held_by_nobody() {
        let shown = Shown::default();
        shown.put("a.test", issued("a.test"), origin());
        assert!(shown.certificate("a.test", &origin()).is_some());
        assert!(shown.certificate("a.test", &Origin { directory: "https://other.test".into(), ..origin() }).is_none());
        assert!(shown.certificate("a.test", &Origin { folder: "/elsewhere".into(), ..origin() }).is_none());
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn has(listener: &ListenerTable, name: &str) -> bool {
        listener.certificates().named(name).is_some()
    }

    #[test]
    fn a_listener_that_keeps_its_names_keeps_what_it_shows() {
        let shown = Shown::default();
        let public: ListenerName = "public".into();
        let before = shown.table(&public, &names(&["a.test", "b.test"]));
        shown.keep([(public.clone(), before.clone())].into(), []);
        shown.put("a.test", issued("a.test"), origin());
        assert!(has(&before, "a.test") && !has(&before, "b.test"));

        let same = shown.table(&public, &names(&["b.test", "a.test"]));
        assert_eq!(same.certificates(), before.certificates());
        let other = shown.table(&public, &names(&["a.test", "c.test"]));
        assert_ne!(other.certificates(), before.certificates());
        shown.fill(&other, &[]);
        assert!(has(&other, "a.test"), "before anybody asks");
    }

    #[test]
    fn what_comes_between_the_preparing_and_the_serving_is_shown() {
        let shown = Arc::new(Shown::default());
        let table = shown.table(&"public".into(), &names(&["a.test"]));
        shown.put("a.test", issued("a.test"), origin());
        let proof = shown.begin_proof("a.test", issued("a.test").certified());
        assert!(!has(&table, "a.test"));
        shown.keep([("public".into(), table.clone())].into(), []);
        assert!(has(&table, "a.test"));
        drop(proof);
        assert!(shown.locked().proofs.is_empty());
    }

    #[test]
    fn a_question_that_ends_before_a_table_is_served_leaves_no_proof_there() {
        let shown = Arc::new(Shown::default());
        let table = shown.table(&"public".into(), &names(&["a.test"]));
        let proof = shown.begin_proof("a.test", issued("a.test").certified());
        shown.fill(&table, &[("a.test".to_owned(), issued("a.test"))]);
        assert!(has(&table, "a.test") && table.certificates().challenge("a.test").is_some());
        drop(proof);
        shown.keep([("public".into(), table.clone())].into(), []);
        assert!(table.certificates().challenge("a.test").is_none());
    }

    #[test]
    fn a_name_that_nobody_has_any_more_is_forgotten() {
        let shown = Shown::default();
        shown.put("a.test", issued("a.test"), origin());
        shown.keep(BTreeMap::new(), []);
        assert!(shown.certificate("a.test", &origin()).is_none());
    }
}
