//! The dashboard: a page of files that are part of the program, and nothing that is loaded from elsewhere.
//!
//! What it does: answers with `page/`, one file a question, as the source has them. What it does not: say anything of this
//! process; the page reads that from the feed, as whoever looks. Invariants: each answer forbids scripts and styles that are not
//! these files, and every file of the folder is one of the table's.

mod files;

pub(super) use files::{file, page};
