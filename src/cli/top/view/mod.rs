//! How the model looks: a frame of any size, from what is known and the time.
//!
//! Invariants: pure; no size makes it panic; no colour alone means anything, since words and signs say the same.

mod endings;
mod endpoints;
mod footer;
mod frame;
mod header;
mod help;
mod overlay;
mod palette;
mod sheet;
#[cfg(test)]
mod tests;
mod title;
mod tunnels;

pub(super) use frame::draw;
pub(super) use palette::Palette;
