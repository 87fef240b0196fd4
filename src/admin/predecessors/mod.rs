//! Processes that handed over and drain still: what they are asked (`ask`), and what each of them holds, as it says itself (`holdings`).

mod ask;
mod holdings;

pub use ask::{Answered, DrainOrder, Held, Holdings, PredecessorDrain, Question, ask};
pub(in crate::admin) use holdings::drain_status;
pub use holdings::holdings;
