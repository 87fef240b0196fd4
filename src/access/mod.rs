//! Who may enter: what of a request says that it comes from somebody who is let in, and what one is permitted who was.
//!
//! A value for each question, and an answer: whoever serves the request refuses it (`session::admission`). No sockets, no
//! clocks.

mod origin;
mod permission;
mod permit;

pub use origin::{OriginVerdict, judge_origin};
pub use permission::{Claim, Claims, Granted, Permission};
pub use permit::Permit;
