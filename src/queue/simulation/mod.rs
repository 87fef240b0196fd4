//! Storms in virtual time: everybody who was on some endpoints comes back at once, through the real gates.
//!
//! One loop over events, and no task a client: a hundred thousand of them take a second or two. A seed is always the same run.

mod endpoint;
mod report;
mod storm;
mod storms;
