//! What several servers of one address say, where there is one word for all of them.

use super::ledger::Ledger;
use super::servers::Server;
use crate::import::syntax::Directive;

/// What the servers say under `name`: the word of the first that says anything. Another word is told of.
pub(super) fn common<'t>(name: &str, servers: &[&Server<'t>], ledger: &Ledger) -> Option<&'t Directive> {
    let mut said = servers.iter().filter_map(|server| server.scope.last(name));
    let first = said.next()?;
    for other in said.filter(|other| other.texts() != first.texts()) {
        ledger.left(
            other,
            format!("there is one for all servers of an address, and {} says another", first.place),
            "give that server an address or a port of its own, or write one value for both in [listener.NAME]",
        );
    }
    Some(first)
}
