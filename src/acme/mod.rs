//! Certificates that are had from an ACME directory (RFC 8555): ordered, proved, kept and renewed, a name each.
//!
//! What it does: the account and the order (`issuer`, `order`, over `http_client`), the answers to a directory that looks whether a
//! name is ours (`answers`, `challenge_certificate`), what is kept on disk (`storage`), when what is due (`renewal`, `schedule`:
//! the time is an argument). What it does not: decide for which names, read the configuration's files, publish. Invariants: a
//! certificate that there is stays until a better one is there, whatever fails; nothing is tried in a hurry, also after a restart
//! (`paused`); a file is whole or not there, and of its owner alone.

mod answers;
mod certificate_id;
mod challenge_certificate;
mod date;
mod failure;
mod http_client;
mod issuer;
mod keeper;
mod order;
mod paused;
mod renewal;
mod schedule;
mod shown;
mod statuses;
mod storage;

pub use answers::{HttpAnswers, is_challenge};
pub use failure::Failure;
pub use issuer::Issuer;
pub use keeper::{NameKeeper, Occasion};
pub use order::Answers;
pub use shown::{ListenerTable, Origin, Shown};
pub use statuses::{AcmeStatus, AcmeStatuses};
pub use storage::kept_certificate;
