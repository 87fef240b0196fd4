//! Another server is asked whether a request may enter: forward-auth.
//!
//! `question` says what is asked, `verdict` what an answer means, both of them pure; `client` asks, over the connections of
//! [`endpoint`](crate::endpoint); `recheck` asks again about open tunnels.
//!
//! Invariants: a question is over within its `timeout`, its wait for a turn included, and so many are under way and wait at a server
//! at the most; only an answer that says so lets anybody in. What becomes of the request is `session`'s.

mod client;
mod failure;
mod question;
mod recheck;
mod verdict;

pub use client::{AuthAnswer, AuthClient, Bounds, LONGEST_BODY};
pub use failure::AuthFailure;
pub use question::{About, Question};
pub use recheck::{FrozenPermitted, Good, Permitted, Rechecks, Watched};
pub use verdict::{Grant, Nonsense, Verdict, judge, passed_on, put};
