//! The process as systemd and an operator see it: socket activation, notifications, and the handoff to a new binary.
//!
//! Every test starts the real program, plays systemd's notify socket, and ends whatever it started, by its pid.

mod activation;
mod binds;
mod broken;
mod chat;
mod kept;
mod moved;
mod notifications;
mod succession;
mod supervised;
mod world;
