//! Who may enter: what of a request says that it comes from somebody who is let in.
//!
//! A value for each question, and an answer: whoever serves the request refuses it (`session::admission`). No sockets, no
//! clocks.

mod origin;

pub use origin::{OriginVerdict, judge_origin};
