//! What becomes of traces: which spans reach a collector, what endpoints read of them, and who never waits for either.

mod collector;
mod places;
mod spans;
mod troubles;
