//! What an answer of DNS says.
//!
//! Pure: a message in, records out. Whatever a server sends, nothing here panics.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use super::error::LookupError;
use crate::config::MOST_ENDPOINTS;

/// What was found, and for how long it may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The records, in the order of the answer.
    pub records: Vec<T>,
    /// The least TTL of the records and of the aliases that lead to them.
    pub ttl: Duration,
}

/// A service's record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRecord {
    /// The lowest is asked first.
    pub priority: u16,
    /// Its share among those of the same priority.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// Its host, without the last dot; empty for the root, which says that there is no such service.
    pub target: String,
}

/// The addresses that an answer has for `name`, of one `record_type`: A or AAAA.
///
/// # Errors
/// It has none; or one at which there can be nobody, one that cannot be read, or too many: then none is believed.
pub fn addresses_of(message: &Message, name: &Name, record_type: RecordType) -> Result<Found<IpAddr>, LookupError> {
    let found = records_of(message, name, record_type, RData::ip_addr)?;
    match found.records.iter().find(|address| is_nonsense(**address)) {
        Some(nonsense) => Err(LookupError::Nonsense(*nonsense)),
        None => Ok(found),
    }
}

/// The services that an answer has for `name`.
///
/// # Errors
/// It has none, one that cannot be read, or too many.
pub fn services_of(message: &Message, name: &Name) -> Result<Found<ServiceRecord>, LookupError> {
    records_of(message, name, RecordType::SRV, |data| match data {
        RData::SRV(it) => Some(ServiceRecord {
            priority: it.priority,
            weight: it.weight,
            port: it.port,
            target: it.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
        }),
        _ => None,
    })
}

/// Follows the aliases in an answer from `name` on; a server that resolves for others sends all of them (RFC 1034 §3.6.2).
fn records_of<T>(
    message: &Message,
    name: &Name,
    record_type: RecordType,
    read: impl Fn(&RData) -> Option<T>,
) -> Result<Found<T>, LookupError> {
    let (mut name, mut ttl) = (name, u32::MAX);
    for _ in 0..MOST_ALIASES {
        let here = || message.answers.iter().filter(|it| it.dns_class == DNSClass::IN && it.name == *name);
        let wanted = || here().filter(|it| it.record_type() == record_type);
        let count = wanted().count();
        if count > MOST_RECORDS {
            return Err(LookupError::TooMany(count));
        }
        if count > 0 {
            ttl = wanted().map(|it| it.ttl).fold(ttl, u32::min);
            // One that cannot be read may be anybody: without it the others would seem to be all.
            let records: Option<_> = wanted().map(|it| read(&it.data)).collect();
            let records = records.ok_or(LookupError::Malformed)?;
            return Ok(Found { records, ttl: Duration::from_secs(ttl.into()) });
        }
        let alias = here().find_map(|it| match &it.data {
            RData::CNAME(alias) => Some((&alias.0, it.ttl)),
            _ => None,
        });
        let Some((alias, its_ttl)) = alias else { return Err(LookupError::NoRecords) };
        (name, ttl) = (alias, ttl.min(its_ttl));
    }
    Err(LookupError::NoRecords)
}

/// Whether nobody can be connected to at an address, in whichever spelling (RFC 4291 §2.5.5.2).
fn is_nonsense(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// How many aliases lead to a name at the most.
const MOST_ALIASES: usize = 12;
/// How many records of one name are taken: no upstream has more endpoints.
const MOST_RECORDS: usize = MOST_ENDPOINTS;

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SRV};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_str(text).unwrap()
    }

    fn answer(records: &[(&str, u32, RData)]) -> Message {
        let mut message = Message::response(0, OpCode::Query);
        let records = records.iter().map(|(owner, ttl, data)| Record::from_rdata(name(owner), *ttl, data.clone()));
        message.add_answers(records);
        message
    }

    fn a(last: u8) -> RData {
        RData::A(A::new(10, 0, 0, last))
    }

    fn alias(to: &str) -> RData {
        RData::CNAME(CNAME(name(to)))
    }

    #[test]
    fn aliases_are_followed_and_the_least_ttl_of_the_way_counts() {
        let message = answer(&[
            ("app.test.", 60, alias("lb.test.")),
            ("LB.test.", 7, alias("real.test.")),
            ("real.test.", 30, a(1)),
            ("other.test.", 1, a(9)),
            ("real.test.", 40, a(2)),
        ]);
        let found = addresses_of(&message, &name("app.test."), RecordType::A).unwrap();
        assert_eq!(found.records, ["10.0.0.1", "10.0.0.2"].map(|it| it.parse::<IpAddr>().unwrap()));
        assert_eq!(found.ttl, Duration::from_secs(7));
        assert_eq!(addresses_of(&message, &name("app.test."), RecordType::AAAA), Err(LookupError::NoRecords));
    }

    #[test]
    fn aliases_that_go_round_in_a_circle_lead_nowhere() {
        let message = answer(&[("a.test.", 60, alias("b.test.")), ("b.test.", 60, alias("a.test."))]);
        assert_eq!(addresses_of(&message, &name("a.test."), RecordType::A), Err(LookupError::NoRecords));
    }

    #[test]
    fn an_answer_with_an_address_of_nobody_is_not_believed_at_all() {
        for nonsense in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            let other = RData::A(A(nonsense.parse().unwrap()));
            let message = answer(&[("a.test.", 60, a(1)), ("a.test.", 60, other)]);
            let refused = addresses_of(&message, &name("a.test."), RecordType::A).unwrap_err();
            assert_eq!(refused, LookupError::Nonsense(nonsense.parse().unwrap()));
        }
    }

    #[test]
    fn an_address_of_nobody_is_one_in_the_other_family_too() {
        for nonsense in ["::ffff:0.0.0.0", "::ffff:224.0.0.1", "::ffff:255.255.255.255", "::", "ff02::1"] {
            let message = answer(&[("a.test.", 60, RData::AAAA(AAAA(nonsense.parse().unwrap())))]);
            let refused = addresses_of(&message, &name("a.test."), RecordType::AAAA).unwrap_err();
            assert_eq!(refused, LookupError::Nonsense(nonsense.parse().unwrap()));
        }
    }

    #[test]
    fn one_record_that_cannot_be_read_is_a_failure_of_all() {
        // What is read of a record without data.
        let broken = RData::Update0;
        let service = || RData::SRV(SRV::new(1, 2, 80, name("b.test.")));
        for answers in [
            vec![("a.test.", 60, a(1)), ("a.test.", 60, broken(RecordType::A)), ("a.test.", 60, a(2))],
            vec![("a.test.", 60, broken(RecordType::A))],
        ] {
            let refused = addresses_of(&answer(&answers), &name("a.test."), RecordType::A);
            assert_eq!(refused, Err(LookupError::Malformed));
        }
        let message = answer(&[("a.test.", 60, service()), ("a.test.", 60, broken(RecordType::SRV))]);
        assert_eq!(services_of(&message, &name("a.test.")), Err(LookupError::Malformed));
    }

    #[test]
    fn more_records_than_any_upstream_has_are_refused() {
        let records: Vec<_> = (0..=MOST_RECORDS).map(|_| ("a.test.", 60, a(1))).collect();
        let refused = addresses_of(&answer(&records), &name("a.test."), RecordType::A).unwrap_err();
        assert_eq!(refused, LookupError::TooMany(MOST_RECORDS + 1));
    }

    #[test]
    fn services_are_found_behind_an_alias_and_the_root_is_no_host() {
        let service = |port, target| RData::SRV(SRV::new(1, 2, port, name(target)));
        let message = answer(&[
            ("_ws._tcp.test.", 60, alias("_ws._tcp.real.test.")),
            ("_ws._tcp.real.test.", 9, service(80, "B.test.")),
            ("_ws._tcp.real.test.", 9, service(0, ".")),
        ]);
        let found = services_of(&message, &name("_ws._tcp.test.")).unwrap();
        let expected = |port, target: &str| ServiceRecord { priority: 1, weight: 2, port, target: target.to_owned() };
        assert_eq!(found.records, [expected(80, "b.test"), expected(0, "")]);
        assert_eq!(found.ttl, Duration::from_secs(9));
    }
}
