//! A whole proxy between clients and endpoints that do anything at any time, while operators reload, drain and stop it: in
//! virtual time, in a network in memory, on one runtime, from a seed.
//!
//! Whatever happens: every request has one answer or a cut that looks like one, every byte arrives in its order, every tunnel
//! ends in one line and with a Close for each side that can still hear it, nobody is closed by somebody else's change, what is
//! drained is gone by its deadline, and in the end nothing is left, not even a task. And a seed is always the same run.

mod answers;
mod chance;
mod client;
mod endpoint;
mod ledger;
mod lines;
mod operator;
mod requests;
mod seeds;
mod site;
mod talk;
mod talker;
mod wire;
mod world;
