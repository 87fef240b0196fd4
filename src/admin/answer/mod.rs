//! What every answer is made of: a body with a type, or a problem (RFC 9457), and word to those that go on by themselves that their
//! connection is needed.

mod body;
mod leaving;
mod problem;

pub(in crate::admin) use body::{AdminAnswer, READY, Told, allowing, json, problem, text, told, typed};
pub(in crate::admin) use leaving::{Leaving, leave};
pub use problem::Problem;
pub(in crate::admin) use problem::ProblemKind;
