//! What requests have to look like, of `[listener.NAME]`.

/// How strictly, and how much of, a request's head is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HygieneSettings {
    /// What becomes of header lines whose name has an underscore.
    pub underscore_headers: UnderscoreHeaders,
    /// Bytes of a whole head.
    pub max_head: u32,
    /// Lines of a head, but for the first one.
    pub max_header_lines: u32,
    /// Bytes of one of them.
    pub max_header_line: u32,
    /// Bytes of a request target.
    pub max_target: u32,
}

/// What becomes of header lines whose name has an underscore. Many servers take it for a hyphen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderscoreHeaders {
    /// They are taken out.
    Drop,
    /// They go on, but for those that could be taken for a header by which requests are framed, or clients known.
    Pass,
    /// The request is refused.
    Refuse,
}
