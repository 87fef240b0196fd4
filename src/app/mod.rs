//! The process as a whole: what is set up once, before and around everything else.

mod logging;

pub use logging::{LogError, LogHandle, init_logging};
