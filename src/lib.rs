//! Windlass: a reverse proxy made for WebSocket back ends.
//!
//! The library behind the `windlass` program. It exists so that tests, benches and fuzz targets can reach every part;
//! its interface follows the program and promises nothing else. `ARCHITECTURE.md` is the map.

pub mod access;
pub mod acme;
pub mod admin;
pub mod app;
pub mod authorize;
pub mod balance;
pub mod cli;
pub mod config;
pub mod demo;
pub mod discovery;
pub mod drain;
pub mod endpoint;
pub mod grammar;
pub mod handoff;
pub mod health;
pub mod http;
pub mod import;
pub mod issuers;
pub mod judge;
pub mod log;
pub mod metrics;
pub mod moment;
pub mod net;
pub mod probe;
pub mod process;
pub mod queue;
pub mod ranges;
pub mod resolver;
pub mod rules;
pub mod session;
pub mod snapshot;
pub mod tap;
pub mod tls;
pub mod traces;
pub mod traffic;
pub mod tunnel;
pub mod websocket;
