//! What is done for operators: the body of each POST is read, understood and handed on (`orders`); what passes through a tunnel is shown
//! (`tap`).
//!
//! What it does not: carry anything out; whoever runs the process does. Invariant: every body is bounded, in bytes and in time.

mod orders;
mod tap;

pub(in crate::admin) use orders::{READ_WITHIN, close, drain, plan, read, set_log_level, tap, undrain};
