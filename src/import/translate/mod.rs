//! What the directives of nginx mean here, a file a question.
//!
//! Each file looks for the directives that it knows in a [`scope::Scope`], writes what they mean, and notes in the [`ledger::Ledger`] what
//! became of each. What nobody has spoken for, [`told`] tells.

mod addresses;
mod amounts;
mod answer;
mod asked;
mod asked_headers;
mod authorize;
mod balance;
mod chosen;
mod client_addresses;
mod client_certificates;
mod closing;
mod common;
mod conditions;
mod context;
mod endpoint_host;
mod endpoint_tls;
mod endpoints;
mod expressions;
mod fronts;
mod guarded;
mod guards;
mod instead;
mod ledger;
mod listen;
mod listener_table;
mod listener_tls;
mod location;
mod location_routes;
mod locations;
mod makers;
mod making;
mod maps;
mod moves;
mod nothing;
mod passwords;
mod path_rules;
mod proxy_target;
mod rates;
mod redirect;
mod refusals;
mod request_headers;
mod resolvers;
mod response_headers;
mod route_table;
mod routes;
mod scope;
mod sealing;
mod server_names;
mod server_rules;
mod servers;
mod text;
mod told;
mod upstreams;
mod uses;
mod whole;

#[cfg(test)]
pub(super) use ledger::Fate;
pub(super) use whole::written;
pub use whole::{Counts, Written};
