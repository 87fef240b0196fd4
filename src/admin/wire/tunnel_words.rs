//! The words of `GET /tunnels`: what it may be asked, and by what it sorts; one table for who asks and who answers.

use form_urlencoded::Serializer;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What can be said of the tunnels that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum TunnelParameter {
    /// Their listener.
    Listener,
    /// Their route.
    Route,
    /// Their upstream.
    Upstream,
    /// Their endpoint: `NAME`, or `UPSTREAM/NAME`.
    Endpoint,
    /// The address of their clients, or a network.
    Client,
    /// `NAME=VALUE`: what was said of who opened them; the only one that may stand several times.
    Claim,
    /// For how long they are open at least.
    MinAge,
    /// For how long no data has passed at least.
    MinIdle,
    /// Messages a second at least.
    MinRate,
    /// A [`TunnelSort`].
    Sort,
    /// A [`SortOrder`].
    Order,
    /// How many at the most.
    Limit,
    /// Those that follow the `next` of another answer.
    After,
}

/// What they are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum TunnelSort {
    /// For how long they are open.
    #[default]
    Age,
    /// For how long no data has passed.
    Idle,
    /// What they have carried.
    Bytes,
    /// The same, in messages.
    Messages,
    /// How fast they are.
    Rate,
    /// What was read and the other side does not take.
    Buffered,
}

/// Which come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
pub enum SortOrder {
    /// Those with most.
    #[default]
    #[strum(serialize = "desc")]
    Descending,
    /// Those with least.
    #[strum(serialize = "asc")]
    Ascending,
}

/// How many are listed at the most.
pub const MOST_TUNNELS: usize = 1000;

impl TunnelParameter {
    /// As it stands in the query.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it says which tunnels, and not how they are listed.
    pub fn is_filter(self) -> bool {
        !matches!(self, Self::Sort | Self::Order | Self::Limit | Self::After)
    }
}

impl TunnelSort {
    /// As it stands in the query.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl SortOrder {
    /// As it stands in the query.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The other one.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Descending => Self::Ascending,
            Self::Ascending => Self::Descending,
        }
    }
}

/// Where tunnels are asked for of which this is said.
pub fn tunnels_path<'a>(said: impl IntoIterator<Item = (TunnelParameter, &'a str)>) -> String {
    let mut query = Serializer::for_suffix("/tunnels?".to_owned(), "/tunnels?".len());
    for (parameter, value) in said {
        query.append_pair(parameter.as_str(), value);
    }
    query.finish().trim_end_matches('?').to_owned()
}

/// The words of a table, for people.
pub(in crate::admin) fn listed(words: &[&str]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        words => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_arrives_as_it_was_meant() {
        let path = tunnels_path([(TunnelParameter::MinAge, "5min"), (TunnelParameter::Claim, "sub=a & b")]);
        assert_eq!(path, "/tunnels?min_age=5min&claim=sub%3Da+%26+b");
        assert_eq!(tunnels_path([]), "/tunnels");
    }

    #[test]
    fn words_are_listed_for_people() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
