//! Where the lines of a process go, what they say, and who never waits for them.

mod access;
pub(crate) mod documented;
mod early;
mod exchanges;
mod files;
mod full_disk;
mod grown;
mod journal;
mod levels;
mod site;
mod stalled;
