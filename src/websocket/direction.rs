//! The two sides of a tunnel and the two directions through it.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

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

/// One direction through a tunnel.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// The client's.
    pub client: T,
    /// The endpoint's.
    pub upstream: T,
}

impl<T> PerSide<T> {
    /// The same for each side, made into something else.
    pub fn map<R>(self, mut change: impl FnMut(T) -> R) -> PerSide<R> {
        PerSide { client: change(self.client), upstream: change(self.upstream) }
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Upstream => &self.upstream,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Upstream => &mut self.upstream,
        }
    }
}

/// A value for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerDirection<T> {
    /// For what the client sends.
    pub from_client: T,
    /// For what the endpoint sends.
    pub from_upstream: T,
}

impl<T> Index<Direction> for PerDirection<T> {
    type Output = T;

    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::FromClient => &self.from_client,
            Direction::FromUpstream => &self.from_upstream,
        }
    }
}

impl<T> IndexMut<Direction> for PerDirection<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::FromClient => &mut self.from_client,
            Direction::FromUpstream => &mut self.from_upstream,
        }
    }
}
