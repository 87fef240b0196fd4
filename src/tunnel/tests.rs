//! Tunnels over streams in memory, in paused time; each test a sentence.

mod endings;
mod frames;
mod limits;
mod peer;
mod pressure;
mod raw;
mod scene;
mod simulation;
mod timers;
