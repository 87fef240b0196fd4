//! What a kind of table is made of.

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct TableSchema {
    /// Where such tables stand; `NAME` is any name, `*` any key.
    pub(super) path: &'static str,
    /// What may stand in them.
    pub(super) keys: &'static [&'static str],
}
