//! What hyper is held to, toward clients and toward endpoints.

/// The longest request head, and what is read ahead of a body, in bytes.
pub const MAX_BUFFER: usize = 64 * 1024;
