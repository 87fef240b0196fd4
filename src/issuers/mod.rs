//! The keys of those who issue tokens, fetched while routes need them: a task for each route whose `keys` are a URL, begun and ended as
//! configurations are served.
//!
//! `fetch` asks once, by the client of [`authorize`](crate::authorize); `task` does so in turn and says when that begins to fail; `fetches`
//! owns the tasks. When a fetch is due, and what of it a request waits for, is `snapshot::KeySource`'s.
//! Invariants: one fetch of a source is under way at a time, over within ten seconds; no redirect is followed, and an answer
//! that is too long, or holds no keys, changes nothing.

mod failure;
mod fetch;
mod fetches;
mod task;

pub use fetches::KeyFetches;
