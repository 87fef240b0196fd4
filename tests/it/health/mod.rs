//! Endpoints that are probed: who is placed on them, and what becomes of their tunnels, as they go down and come back.

mod all_down;
mod carried;
mod down;
mod eject;
mod on_down;
pub(crate) mod probed;
pub(crate) mod retry_budget;
mod seen;
pub(crate) mod site;
