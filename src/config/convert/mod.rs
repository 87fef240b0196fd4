//! One section of the file each: from its tree to its settings.
//!
//! A conversion notes each problem and goes on; `None` means that something in the section is already reported. What
//! several sections must agree on (names, binds, who serves what) is checked here too.

mod access;
mod access_warnings;
mod acme;
mod admin;
mod authorize;
mod combinations;
mod conditions;
mod destination;
mod drain;
mod endpoint_tls;
mod endpoints;
mod error_pages;
mod header_entries;
mod health;
mod hygiene;
mod jwt;
mod listener;
mod log;
mod names;
mod own_listeners;
mod pin_cookie;
mod queue;
mod reach;
mod redirect;
mod redirect_warnings;
mod renewals;
mod resolver;
mod respond;
mod route;
mod rules;
mod source;
mod sticky_on;
mod traces;
mod upstream;
mod warnings;
mod websocket;

pub(super) use acme::check_acme;
pub use admin::parse_admin_listen;
pub(super) use admin::{admin, check_admin};
pub(super) use destination::check_splits;
pub(super) use drain::drain;
pub(super) use error_pages::error_pages;
pub(super) use listener::listeners;
pub(super) use log::log;
pub use log::parse_log_level;
pub(super) use names::Names;
pub(super) use own_listeners::check_own_listeners;
pub(super) use renewals::check_renewals;
pub(super) use resolver::{check_state_folder, resolver, state_folder};
pub(super) use route::routes;
pub(super) use traces::traces;
pub(super) use upstream::upstreams;
pub(super) use warnings::warn;
