//! Which tunnels `GET /tunnels` is about, in which order, and how many: its query, read.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use strum::VariantArray;

use super::tunnel_words::{MOST_TUNNELS, SortOrder, TunnelParameter, TunnelSort, listed};
use crate::access::Permit;
use crate::config::parse_duration;
use crate::drain::{ClaimMatch, TunnelHandle};

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TunnelQuery {
    listener: Option<String>,
    route: Option<String>,
    upstream: Option<String>,
    endpoint: Option<String>,
    client: Option<IpNet>,
    claims: Vec<ClaimMatch>,
    min_age: Duration,
    min_idle: Duration,
    /// Messages a second.
    pub(super) min_rate: f64,
    pub(super) sort: TunnelSort,
    pub(super) order: SortOrder,
    pub(super) limit: usize,
    /// Those that follow this one.
    pub(super) after: Option<Cursor>,
}

/// Where a page ends: what its last tunnel was sorted by, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    pub(super) value: u64,
    pub(super) id: u64,
}

/// How many are listed where nothing is said.
pub(super) const USUAL_LIMIT: usize = 100;

impl Default for TunnelQuery {
    fn default() -> Self {
        Self {
            listener: None,
            route: None,
            upstream: None,
            endpoint: None,
            client: None,
            claims: Vec::new(),
            min_age: Duration::ZERO,
            min_idle: Duration::ZERO,
            min_rate: 0.0,
            sort: TunnelSort::default(),
            order: SortOrder::default(),
            limit: USUAL_LIMIT,
            after: None,
        }
    }
}

impl TunnelQuery {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// What makes no sense.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |what: &str| format!("{name}: write {what}");
            let value = value.into_owned();
            let Ok(parameter) = name.parse() else {
                let all: Vec<_> = TunnelParameter::VARIANTS.iter().map(|it| it.as_str()).collect();
                return Err(format!("there is no {name}: there is {}", listed(&all)));
            };
            match parameter {
                TunnelParameter::Listener => read.listener = Some(value),
                TunnelParameter::Route => read.route = Some(value),
                TunnelParameter::Upstream => read.upstream = Some(value),
                TunnelParameter::Endpoint => read.endpoint = Some(value),
                TunnelParameter::Client => {
                    let address = value.parse::<IpAddr>().map(IpNet::from).or_else(|_| value.parse());
                    read.client = Some(address.map_err(|_| wrong("an address, or a network such as 10.0.0.0/8"))?);
                }
                TunnelParameter::Claim => {
                    read.claims.push(value.parse().map_err(|_| wrong("NAME=VALUE, such as sub=ada"))?);
                }
                TunnelParameter::MinAge => read.min_age = duration(&value).map_err(|why| format!("{name}: {why}"))?,
                TunnelParameter::MinIdle => read.min_idle = duration(&value).map_err(|why| format!("{name}: {why}"))?,
                TunnelParameter::MinRate => {
                    let rate = value.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate >= 0.0);
                    read.min_rate = rate.ok_or_else(|| wrong("messages a second, such as 10"))?;
                }
                TunnelParameter::Sort => {
                    let all: Vec<_> = TunnelSort::VARIANTS.iter().map(|it| it.as_str()).collect();
                    read.sort = value.parse().map_err(|_| wrong(&format!("one of {}", listed(&all))))?;
                }
                TunnelParameter::Order => read.order = value.parse().map_err(|_| wrong("desc or asc"))?,
                TunnelParameter::Limit => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST_TUNNELS).contains(limit));
                    read.limit = limit.ok_or_else(|| wrong(&format!("a number from 1 to {MOST_TUNNELS}")))?;
                }
                TunnelParameter::After => {
                    read.after = Some(Cursor::parse(&value).ok_or_else(|| wrong("the `next` of an answer"))?);
                }
            }
        }
        Ok(read)
    }

    /// Whether a tunnel of this age, and idle for so long, meets the conditions; but for its rate.
    pub(super) fn is_met_by(&self, handle: &TunnelHandle, age: Duration, idle: Duration) -> bool {
        let member = &handle.member;
        let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        is(&self.listener, member.listener.0.as_str())
            && is(&self.route, member.route.0.as_str())
            && is(&self.upstream, member.upstream.0.as_str())
            && self.endpoint.as_deref().is_none_or(|wanted| is_endpoint(wanted, handle))
            && self.client.is_none_or(|network| network.contains(&handle.client.to_canonical()))
            && age >= self.min_age
            && idle >= self.min_idle
            && self.is_said_of(handle)
    }

    fn is_said_of(&self, handle: &TunnelHandle) -> bool {
        self.claims.is_empty()
            || handle.permit().map(Permit::permission).is_some_and(|permission| {
                self.claims.iter().all(|ClaimMatch { name, value }| permission.says(name, value))
            })
    }

    /// Whether rates are compared: they take two looks.
    pub(super) fn needs_rates(&self) -> bool {
        self.sort == TunnelSort::Rate || self.min_rate > 0.0
    }
}

impl Cursor {
    /// As it stands in `next` and `after`.
    pub(super) fn written(self) -> String {
        format!("{:x}-{:x}", self.value, self.id)
    }

    fn parse(text: &str) -> Option<Self> {
        let (value, id) = text.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        Some(Self { value: number(value)?, id: number(id)? })
    }
}

/// `NAME`, or `UPSTREAM/NAME`.
fn is_endpoint(wanted: &str, handle: &TunnelHandle) -> bool {
    let (upstream, name) = (handle.member.upstream.0.as_str(), handle.member.endpoint.0.as_str());
    match wanted.split_once('/') {
        Some((of, named)) if of == upstream && named == name => true,
        _ => wanted == name,
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|wrong| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_is_usual() {
        assert_eq!(TunnelQuery::parse(""), Ok(TunnelQuery::default()));
        let read = TunnelQuery::parse("sort=bytes&order=asc&limit=5&min_age=5min&client=10.0.0.0%2F8&claim=sub%3Dada")
            .unwrap();
        assert_eq!((read.sort, read.order, read.limit), (TunnelSort::Bytes, SortOrder::Ascending, 5));
        assert_eq!((read.min_age, read.client), (Duration::from_secs(300), Some("10.0.0.0/8".parse().unwrap())));
        assert_eq!(read.claims[0].name, "sub");
        assert!(TunnelQuery::parse("client=::1").unwrap().client.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (query, said) in [
            ("client=ada", "client: write an address"),
            ("claim=ada", "claim: write NAME=VALUE"),
            ("min_age=5", "min_age: "),
            ("min_rate=-1", "min_rate: write messages"),
            ("min_rate=nan", "min_rate: write messages"),
            ("sort=name", "sort: write one of age, idle"),
            ("order=up", "order: write desc or asc"),
            ("limit=0", "limit: write a number"),
            ("limit=1001", "limit: write a number"),
            ("after=7", "after: write the `next`"),
            ("rout=chat", "there is no rout"),
        ] {
            let why = TunnelQuery::parse(query).unwrap_err();
            assert!(why.starts_with(said), "{query}: {why}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was_given(value: u64, id: u64) {
            let cursor = Cursor { value, id };
            prop_assert_eq!(Cursor::parse(&cursor.written()), Some(cursor));
        }

        #[test]
        fn no_query_panics(query in "\\PC*") {
            let _ = TunnelQuery::parse(&query);
        }
    }
}
