//! Who may enter: what of a request says that it comes from somebody who is let in, and what one is permitted who was.
//!
//! A value for each question, and an answer: whoever serves the request refuses it (`session::admission`). No sockets, no
//! clocks.

mod key_set;
mod origin;
mod permission;
mod permit;
mod token;
mod token_fault;
mod token_place;
#[cfg(test)]
mod token_tests;

pub use key_set::{KeySet, KeysFault};
pub use origin::{OriginVerdict, judge_origin};
pub use permission::{Claim, Claims, Granted, Permission};
pub use permit::Permit;
pub use token::{Verified, verify};
pub use token_fault::TokenFault;
pub use token_place::take_token;
