//! Where the endpoints of an upstream are learned from, if its file does not list them.
//!
//! Every source yields the same value, the whole current set ([`EndpointSet`]), whenever it has news, and why it cannot
//! ([`SourceError`]) whenever it has none; a source is one file here and one arm of [`run`]. It begins when [`run`] is polled and
//! ends when nobody listens any more. What it does not: merge a set into what is served, drain who is missing, decide what becomes
//! of an upstream whose source fails. Invariants: a set is sorted by name, no name and no address stands in it twice, and it is
//! bounded; whatever a source says that is no such set is refused whole.

mod dns;
mod endpoint_set;
mod file;
mod file_syntax;
mod in_dns;
mod last_good;
mod source;
mod source_error;
mod srv;
mod statuses;

pub use dns::endpoints_at;
pub use endpoint_set::{EndpointSet, SetError};
pub use file::read_endpoints;
pub use file_syntax::{FileFormat, parse_endpoints};
pub use last_good::{KeptSet, KeptSetError, StateFiles};
pub use source::run;
pub use source_error::{Found, SourceError};
pub use srv::endpoints_of_services;
pub use statuses::{SourceStatus, SourceStatuses};
