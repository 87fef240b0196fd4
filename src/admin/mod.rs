//! How operators look in and steer: a small HTTP and JSON interface, on a unix socket or at addresses.
//!
//! A request comes in at a `listener`, by a `door`; `routes` is the table of what may be asked. What can be read is in `look`, the `feed`
//! and the `dashboard`; what is to be done goes by `steer` to whoever runs the process, as an [`AdminCommand`], and leaves a line
//! (`audit`). `wire` has the shapes of JSON, `answer` what every answer is made of, `predecessors` what processes that handed over are
//! asked; `client` is the other end. What it does not: reload or drain. Invariants: over TCP nobody steers who has not said who they are,
//! and a page in a browser asks only its own listener (`door`); every request has a bounded body, and every wait for an operator a
//! deadline; each command leaves a line.

mod answer;
mod audit;
mod client;
mod command;
mod context;
mod dashboard;
mod door;
mod feed;
mod listener;
mod look;
#[cfg(test)]
mod openapi_tests;
mod predecessors;
mod routes;
mod steer;
mod wire;

pub use answer::Problem;
pub use client::{AskError, BrokenOff, Client, Lines, ParsedAnswer, REPLY_WITHIN};
pub use command::{AdminCommand, CommandError, CommandSender, Reply, channel};
pub use context::Context;
pub use door::{Door, Doors, Places};
pub use feed::Lookers;
pub use listener::{BoundAdmin, SocketFile, serve};
pub use look::{Notes, Rates, ReloadNote, ReloadOutcome, WhereAnswer, WhereEndpoint};
pub use predecessors::{Answered, DrainOrder, Held, Holdings, PredecessorDrain, Question, ask, holdings};
pub use wire::*;
