//! Who may enter: the questions of a route, the cheapest first, to whoever has found it.
//!
//! `admit` asks them in their order (docs/access.md); each that asks more than one look has a file: `counts`, `check_password` (compared on
//! threads of its own: `password_checks`), `check_token`, and `authorization`, where another server says it. What the endpoint reads of
//! who was let in is `said`.
//!
//! Invariant: what tells an endpoint who was let in is ours: whatever a client says under those names is taken out before anybody asks.

mod admit;
mod authorization;
mod check_password;
mod check_token;
mod counts;
mod password_checks;
mod said;

pub(super) use admit::admit;
pub use password_checks::PasswordChecks;
pub(super) use said::Said;
