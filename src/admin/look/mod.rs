//! What is read off the process by looking: the status and the gauges (`status`, `totals`), whom an upstream leaves unserved
//! (`not_served`), tunnels one by one (`tunnels`, which of them: `tunnel_query`, how fast: `rates`), where a WebSocket would go
//! (`placement`), when `certificates` end, and what only the one who runs the process knows (`notes`, `reload_notes`).
//!
//! Invariant: nothing changes by a look.

mod certificates;
mod not_served;
mod notes;
mod placement;
mod rates;
mod reload_notes;
mod status;
mod totals;
mod tunnel_query;
mod tunnels;

pub(in crate::admin) use certificates::certificate_ends;
pub use notes::Notes;
pub(in crate::admin) use placement::placement;
pub use placement::{WhereAnswer, WhereEndpoint};
pub use rates::Rates;
pub use reload_notes::{ReloadNote, ReloadOutcome};
pub(in crate::admin) use status::{gauges, status};
pub(in crate::admin) use totals::Tunnels;
pub(in crate::admin) use tunnel_query::TunnelQuery;
#[cfg(test)]
pub(in crate::admin) use tunnel_query::USUAL_LIMIT;
pub(in crate::admin) use tunnels::{tunnel_detail, tunnel_list, unknown_name};
