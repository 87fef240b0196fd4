//! Endpoints that are probed: who is placed on them, and what becomes of their tunnels, as they go down and come back.

mod all_down;
mod carried;
mod down;
mod eject;
mod on_down;
mod probed;
mod retry_budget;
mod seen;
mod site;
