//! What a configuration orders that is not served yet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::acme::{ListenerTable, Origin};
use crate::config::{AcmeSettings, ListenerName};
use crate::tls::{DirectoryCredentials, IssuedCertificate};

/// What a configuration orders that is not served yet.
#[derive(Debug, Default)]
pub(in crate::app) struct PreparedOrders {
    /// What each listener will show.
    pub(super) tables: BTreeMap<ListenerName, ListenerTable>,
    /// How each name is ordered.
    pub(super) wanted: BTreeMap<String, Wanted>,
    /// What is kept for those of which nothing is shown.
    pub(super) kept: Vec<(String, IssuedCertificate)>,
}

/// How a name is ordered.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) settings: Arc<AcmeSettings>,
    pub(super) credentials: DirectoryCredentials,
    /// Where it is kept.
    pub(super) folder: PathBuf,
}

impl Wanted {
    /// Whom its certificate is had of.
    pub(super) fn origin(&self) -> Origin {
        Origin { directory: self.settings.directory.clone(), folder: self.folder.clone() }
    }
}
