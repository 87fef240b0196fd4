//! What is known everywhere while a configuration is carried over.

use std::path::{Component, Path, PathBuf};

use super::ledger::Ledger;
use super::scope::Scope;
use crate::import::syntax::Directive;

#[derive(Debug)]
pub(super) struct Context<'t> {
    pub(super) ledger: Ledger,
    /// Where relative paths of nginx start.
    pub(super) prefix: PathBuf,
    /// What stands outside of all servers.
    pub(super) http: Scope<'t>,
}

impl<'t> Context<'t> {
    /// The path of a file that is named; `None` where it hangs on the request, or is no file.
    pub(super) fn file(&self, named: &str) -> Option<String> {
        let is_other = ["data:", "engine:", "store:", "builtin:"].iter().any(|scheme| named.starts_with(scheme));
        if named.is_empty() || named.contains('$') || is_other {
            return None;
        }
        let path: PathBuf = self.prefix.join(named).components().filter(|it| *it != Component::CurDir).collect();
        Some(path.to_string_lossy().into_owned())
    }

    /// The `upstream` with this name.
    pub(super) fn group(&self, name: &str) -> Option<&'t Directive> {
        self.groups().find(|group| group.argument(0) == Some(name))
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &'t Directive> + use<'t, '_> {
        self.http.every("upstream")
    }

    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }
}
