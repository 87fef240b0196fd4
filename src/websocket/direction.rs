//! The two ends of a tunnel and the two ways through it.

/// One end of a tunnel, seen from the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one who connected to us.
    Client,
    /// The endpoint we connected to.
    Upstream,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Upstream,
            Self::Upstream => Self::Client,
        }
    }

    /// The direction of what this side sends.
    pub fn sends(self) -> Direction {
        match self {
            Self::Client => Direction::FromClient,
            Self::Upstream => Direction::FromUpstream,
        }
    }

    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
        }
    }
}

/// One way through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the client sends; its frames are masked (RFC 6455 §5.1).
    FromClient,
    /// What the endpoint sends; its frames are not masked.
    FromUpstream,
}

impl Direction {
    /// The side that sends in this direction.
    pub fn source(self) -> Side {
        match self {
            Self::FromClient => Side::Client,
            Self::FromUpstream => Side::Upstream,
        }
    }

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FromClient => "from_client",
            Self::FromUpstream => "from_upstream",
        }
    }
}

/// A value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide<T> {
    /// The client's.
    pub client: T,
    /// The endpoint's.
    pub upstream: T,
}

impl<T> PerSide<T> {
    /// The value of `side`.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Upstream => &self.upstream,
        }
    }

    /// The value of `side`, to be changed.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Upstream => &mut self.upstream,
        }
    }
}

/// A value for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDirection<T> {
    /// For what the client sends.
    pub from_client: T,
    /// For what the endpoint sends.
    pub from_upstream: T,
}

impl<T> PerDirection<T> {
    /// The value of `direction`.
    pub fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::FromClient => &self.from_client,
            Direction::FromUpstream => &self.from_upstream,
        }
    }

    /// The value of `direction`, to be changed.
    pub fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::FromClient => &mut self.from_client,
            Direction::FromUpstream => &mut self.from_upstream,
        }
    }
}
