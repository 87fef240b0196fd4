//! What kind of reason a request is refused for: few enough to be counted by route.

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalKind {
    /// Who asks: no password, token or certificate, or one that lets nobody in, or somebody who could not be asked about it.
    Authentication,
    /// Where it comes from: an address, or the page of another site.
    Access,
    /// How many there are already, or how fast they come.
    Limit,
    /// What was asked: it makes no sense, or there is no such thing.
    Request,
    /// An endpoint, or that there is none.
    Endpoint,
    /// The proxy itself: it ends, or its configuration cannot be followed.
    Windlass,
    /// A connection on which nothing could be asked.
    Connection,
}

impl RefusalKind {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Authentication,
        Self::Access,
        Self::Limit,
        Self::Request,
        Self::Endpoint,
        Self::Windlass,
        Self::Connection,
    ];

    /// The word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Access => "access",
            Self::Limit => "limit",
            Self::Request => "request",
            Self::Endpoint => "endpoint",
            Self::Windlass => "windlass",
            Self::Connection => "connection",
        }
    }
}
