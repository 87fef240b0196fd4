//! Endpoints that are learned while the process runs: the sources of what is configured, and what becomes of what they name.
//!
//! What it does: begins a source with the configuration that names it and ends it with the one that does not (`sources`), holds
//! what it says to the rules of its upstream, merges a set into what is served (`merge`), publishes it and drains who leaves
//! (`publish`), keeps the last good set for a restart (`keeper`). What it does not: read files of endpoints or ask servers.
//! Invariants: whatever a source says, a set is served whole or not at all, and by the one who publishes reloads; a source that
//! fails changes nothing.

mod first;
mod keeper;
mod merge;
mod named_sets;
mod prepared;
mod publish;
mod retired;
mod source;
mod sources;
mod steps;
mod story;
mod sweep;

pub(super) use named_sets::NamedSets;
pub(super) use prepared::PreparedSources;
pub(super) use retired::Retired;
pub(super) use sources::{News, Next, Sources};

#[cfg(test)]
mod tests;
