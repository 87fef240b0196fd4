//! TLS towards endpoints: tunnels and exchanges over it, endpoints that are refused and why, rules that change.

pub(crate) mod authority;
pub(crate) mod endpoint;
mod late_refusals;
mod probes;
pub(crate) mod refusals;
mod reloads;
mod serves;
mod system;
