//! What a route asks of a request beyond its listener, host and path: the method, headers and the query.
//!
//! Of several lines of a header, and of several values of one key of the query, the first counts: so two exact values never both hold.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, Method};

/// What a request must be for a route to match it; nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// One of these; empty: any.
    pub methods: Vec<Method>,
    /// Of headers, each of another one.
    pub headers: Vec<(HeaderName, Required)>,
    /// Of the query, each of another key.
    pub query: Vec<(String, Required)>,
}

/// What a header, or a key of the query, must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Required {
    /// This.
    Exact(String),
    /// It begins with this.
    Prefix(String),
    /// It is there, whatever it says.
    Present,
    /// It is not there.
    Absent,
}

/// What of a request is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'r> {
    /// How it asks.
    pub method: &'r Method,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Its query, as it was sent.
    pub query: Option<&'r str>,
}

/// How many conditions of which kind there are: of two routes that match, the one with more goes first. Methods count before headers,
/// and those before the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tested {
    /// Whether methods are named.
    pub methods: bool,
    /// How many headers.
    pub headers: usize,
    /// How many keys of the query.
    pub query: usize,
}

impl Conditions {
    /// Whether any request is taken.
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.headers.is_empty() && self.query.is_empty()
    }

    /// Whether they all hold.
    pub fn hold(&self, of: Subject<'_>) -> bool {
        let header = |name: &HeaderName| of.headers.get(name).map(|value| Cow::Borrowed(value.as_bytes()));
        (self.methods.is_empty() || self.methods.contains(of.method))
            && self.headers.iter().all(|(name, required)| required.holds(header(name).as_deref()))
            && self.query.iter().all(|(key, required)| required.holds(first_of(of.query, key).as_deref()))
    }

    /// How much is tested.
    pub fn tested(&self) -> Tested {
        Tested { methods: !self.methods.is_empty(), headers: self.headers.len(), query: self.query.len() }
    }

    /// Whether no request is there for which these and `other` both hold.
    pub fn exclude(&self, other: &Self) -> bool {
        let differ = |(a, b): (&Required, &Required)| a.excludes(b);
        let are_disjoint = !self.methods.is_empty()
            && !other.methods.is_empty()
            && !self.methods.iter().any(|method| other.methods.contains(method));
        are_disjoint
            || of_the_same(&self.headers, &other.headers).any(differ)
            || of_the_same(&self.query, &other.query).any(differ)
    }
}

impl Required {
    fn holds(&self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Exact(text) => value == Some(text.as_bytes()),
            Self::Prefix(text) => value.is_some_and(|value| value.starts_with(text.as_bytes())),
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }

    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => false,
            (Self::Absent, _) | (_, Self::Absent) => true,
            (Self::Present, _) | (_, Self::Present) => false,
            (Self::Exact(a), Self::Exact(b)) => a != b,
            (Self::Exact(text), Self::Prefix(start)) | (Self::Prefix(start), Self::Exact(text)) => {
                !text.starts_with(start)
            }
            (Self::Prefix(a), Self::Prefix(b)) => !a.starts_with(b.as_str()) && !b.starts_with(a.as_str()),
        }
    }
}

fn of_the_same<'c, K: PartialEq>(
    a: &'c [(K, Required)],
    b: &'c [(K, Required)],
) -> impl Iterator<Item = (&'c Required, &'c Required)> {
    a.iter().filter_map(|(key, required)| {
        let (_, other) = b.iter().find(|(name, _)| name == key)?;
        Some((required, other))
    })
}

/// The first value of a key, as forms are decoded.
fn first_of(query: Option<&str>, key: &str) -> Option<Vec<u8>> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const V: HeaderName = HeaderName::from_static("x-v");

    fn header(required: Required) -> Conditions {
        Conditions { headers: vec![(V, required)], ..Conditions::default() }
    }

    fn query(required: Required) -> Conditions {
        Conditions { query: vec![("v".to_owned(), required)], ..Conditions::default() }
    }

    fn hold(conditions: &Conditions, lines: &[&'static str], query: Option<&str>) -> bool {
        let headers = lines.iter().map(|line| (V, HeaderValue::from_static(line))).collect();
        conditions.hold(Subject { method: &Method::GET, headers: &headers, query })
    }

    #[test]
    fn the_first_line_of_a_header_counts() {
        assert!(hold(&header(Required::Exact("2".into())), &["2", "1"], None));
        assert!(!hold(&header(Required::Exact("2".into())), &["1", "2"], None));
        assert!(hold(&header(Required::Prefix("be".into())), &["beta-3"], None));
        assert!(hold(&header(Required::Present), &[""], None));
        assert!(hold(&header(Required::Absent), &[], None));
        assert!(!hold(&header(Required::Prefix(String::new())), &[], None));
    }

    #[test]
    fn a_query_is_read_as_a_form() {
        for (text, expected) in
            [("v=a+b", true), ("u=1&%76=a%20b", true), ("v=x&v=a+b", false), ("va+b", false), ("", false)]
        {
            assert_eq!(hold(&query(Required::Exact("a b".into())), &[], Some(text)), expected, "{text}");
        }
        assert!(hold(&query(Required::Absent), &[], None) && hold(&query(Required::Present), &[], Some("v")));
    }

    fn required() -> impl Strategy<Value = Required> {
        let text = || "[ab]{0,2}";
        prop_oneof![
            text().prop_map(Required::Exact),
            text().prop_map(Required::Prefix),
            Just(Required::Present),
            Just(Required::Absent),
        ]
    }

    fn conditions() -> impl Strategy<Value = Conditions> {
        let methods = proptest::collection::vec(select(vec![Method::GET, Method::POST]), 0..2);
        (methods, proptest::option::of(required()), proptest::option::of(required())).prop_map(
            |(methods, header, query)| Conditions {
                methods,
                headers: header.map(|it| (V, it)).into_iter().collect(),
                query: query.map(|it| ("v".to_owned(), it)).into_iter().collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn what_excludes_one_another_never_both_holds(
            a in conditions(),
            b in conditions(),
            line in proptest::option::of("[ab]{0,3}"),
            value in proptest::option::of("[ab]{0,3}"),
            method in select(vec![Method::GET, Method::POST]),
        ) {
            let headers = line.iter().map(|line| (V, HeaderValue::try_from(line).unwrap())).collect();
            let query = value.map(|value| format!("v={value}"));
            let of = Subject { method: &method, headers: &headers, query: query.as_deref() };
            prop_assert!(!(a.exclude(&b) && a.hold(of) && b.hold(of)));
            prop_assert_eq!(a.exclude(&b), b.exclude(&a));
        }
    }
}
