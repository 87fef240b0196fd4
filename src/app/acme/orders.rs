//! The names of the configuration that is served, each with a task of its own that keeps its certificate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::prepared::{PreparedOrders, Wanted};
use crate::acme::{Answers, Issuer, NameKeeper, Occasion, Shown};
use crate::process::FileWork;
use crate::session::Proxy;

/// The names that certificates are kept for.
#[derive(Debug)]
pub(in crate::app) struct Orders {
    /// The state folder that systemd has made.
    pub(super) state_directory: Option<PathBuf>,
    /// What listeners show, of whichever configuration.
    pub(super) shown: Arc<Shown>,
    /// Where what is kept is read: of its own, for a folder that hangs is to hold up no reload.
    pub(super) files: FileWork,
    begun: BTreeMap<String, Begun>,
    /// Changes when somebody may have mended what has failed.
    asked: watch::Sender<()>,
}

/// A name whose certificate is kept; that ends with this.
#[derive(Debug)]
struct Begun {
    issuer: Arc<Issuer>,
    _task: JoinSet<()>,
}

impl Orders {
    /// None yet; where systemd has made a state folder, it is `state_directory`.
    pub(in crate::app) fn new(state_directory: Option<PathBuf>) -> Self {
        let (shown, files, begun) = (Arc::default(), FileWork::default(), BTreeMap::new());
        Self { state_directory, shown, files, begun, asked: watch::Sender::default() }
    }

    /// `proxy` serves what was prepared: names that are new are ordered from now on, those that it has not any more end, and what is
    /// ordered as before goes on; what of that has failed is tried again.
    pub(in crate::app) fn adopt(&mut self, PreparedOrders { tables, wanted, kept }: PreparedOrders, proxy: &Proxy) {
        let kept = kept.into_iter().filter_map(|(name, certificate)| {
            let origin = wanted.get(&name)?.origin();
            Some((name, (certificate, origin)))
        });
        self.shown.keep(tables, kept);
        proxy.certificates.keep(wanted.keys().map(String::as_str));
        let before: BTreeSet<_> = self.begun.keys().cloned().collect();
        self.begun.retain(|name, begun| wanted.get(name).is_some_and(|wanted| is_from(&begun.issuer, wanted)));
        self.asked.send_replace(());
        let mut issuers: Vec<_> = self.begun.values().map(|begun| Arc::clone(&begun.issuer)).collect();
        for (name, wanted) in wanted {
            if self.begun.contains_key(&name) {
                continue;
            }
            let same = issuers.iter().find(|issuer| is_from(issuer, &wanted)).cloned();
            let issuer = same.unwrap_or_else(|| {
                let issuer = Arc::new(self.issuer(wanted, proxy));
                issuers.push(Arc::clone(&issuer));
                issuer
            });
            let keeper = NameKeeper::new(name.clone(), Arc::clone(&issuer), Arc::clone(&proxy.certificates));
            let mut task = JoinSet::new();
            let occasion = if before.contains(&name) { Occasion::Changed } else { Occasion::New };
            task.spawn(keeper.keep(occasion, self.asked.subscribe()));
            self.begun.insert(name, Begun { issuer, _task: task });
        }
    }

    /// Nothing is ordered any more; what there is is shown on.
    pub(in crate::app) fn end(&mut self) {
        self.begun.clear();
    }

    fn issuer(&self, Wanted { settings, credentials, folder }: Wanted, proxy: &Proxy) -> Issuer {
        let answers = Answers { http: Arc::clone(&proxy.challenges), shown: Arc::clone(&self.shown) };
        Issuer::new((*settings).clone(), credentials, &folder, proxy.network().clone(), answers)
    }
}

fn is_from(issuer: &Issuer, Wanted { settings, credentials, folder }: &Wanted) -> bool {
    issuer.is_same(settings, credentials, folder)
}
