//! Each event moves its metric, and nothing else does: by the sections of docs/metrics.md.

mod access;
mod certificates;
mod configuration;
mod discovery;
mod endpoints;
mod handoffs;
mod handshakes;
mod names;
mod process;
mod queues;
mod requests;
mod traffic;
mod tunnels;
