//! `windlass top`: a live view of what is open, in a terminal, and a hand on it.
//!
//! ```text
//! source: asks ──▶ news ──▶ model: what is known, chosen and asked for ──▶ view: a frame
//!                              ▲                  │
//!                  keys: what was pressed         └──▶ steer: has it done, once it was confirmed
//! ```
//!
//! What it does not: sort or search tunnels, which the process does, so that only what fits the screen is ever asked for. Invariants:
//! everything but `live`, `screen`, `source` and `steer` is pure, and takes the time as an argument; nothing of others' texts reaches the
//! terminal unescaped (`text`); nothing is steered that was not named and confirmed; however it ends, the terminal is as it was.

mod arguments;
mod choice;
mod endpoints;
mod filter;
mod hearing;
mod keys;
mod listed;
mod live;
mod measure;
mod model;
mod news;
#[cfg(test)]
mod samples;
mod screen;
mod seen;
mod source;
mod steer;
mod steering;
mod text;
mod view;

pub(super) use arguments::{TopArguments, top};
