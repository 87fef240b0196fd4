//! The whole proxy from outside: over real sockets, in this process or as the real program.
//!
//! One program, so that it is linked once. Its tests run side by side as threads of one process: none sets what belongs to the
//! process, reads what the others change (`/proc/self`, a count of descriptors) or takes a fixed port. What must be measured
//! or limited is a child of its own. The log of the proxies in this process is shared ([`rig::log`]): a test
//! finds its lines by a path or a listener that no other has.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod access;
mod affinity;
mod balancing;
mod bomb;
mod client;
mod config;
mod discovery;
mod endpoint_tls;
mod exchange;
mod field;
mod handoff;
mod health;
mod hostile;
mod http2;
mod http2_front;
mod hygiene;
mod import;
mod last_words;
mod logs;
mod metrics;
mod operate;
mod phone;
mod pulled_cable;
mod reach;
mod reload;
mod rig;
mod rules;
mod slow_reader;
mod stop;
mod storms;
mod systemd;
mod tls;
mod tls_proxy;
mod traces;
mod upgrade;
