//! The SRV records of a name (RFC 2782): each target is an endpoint, called by its host and port.
//!
//! The weight is the record's, and 1 where that is 0; those of the lowest priority serve, and all others are backups. A host is
//! looked up when it is connected to, by the servers of its source.

use super::endpoint_set::{EndpointSet, SetError};
use crate::config::{EndpointAddress, EndpointRole, EndpointSettings, parse_endpoint};
use crate::resolver::ServiceRecord;

/// The endpoints that these records name, whichever order they come in. One that names the root says that there is no service.
///
/// # Errors
/// They are too many, one is no host that can be connected to, or two are one endpoint.
pub fn endpoints_of_services(records: Vec<ServiceRecord>) -> Result<EndpointSet, SetError> {
    let records: Vec<_> = records.into_iter().filter(|record| !record.target.is_empty()).collect();
    let lowest = records.iter().map(|record| record.priority).min();
    let endpoints = records.into_iter().map(|record| endpoint(record, lowest)).collect::<Result<_, _>>()?;
    EndpointSet::new(endpoints)
}

fn endpoint(record: ServiceRecord, lowest: Option<u16>) -> Result<EndpointSettings, SetError> {
    let ServiceRecord { priority, weight, port, target } = record;
    let role = if Some(priority) == lowest { EndpointRole::Ready } else { EndpointRole::Backup };
    let address = format!("{target}:{port}");
    let endpoint = parse_endpoint(&address, None, Some(weight.max(1).into()), role);
    let endpoint = endpoint.map_err(|error| SetError::NoAddress(address.clone(), error.to_string()))?;
    match &endpoint.address {
        EndpointAddress::Name(..) => Ok(endpoint),
        // A server in DNS says nothing of this machine's files, and a target is a host's name (RFC 2782).
        EndpointAddress::Socket(_) | EndpointAddress::Unix(_) => {
            Err(SetError::NoAddress(address, "a target is the name of a host".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(priority: u16, weight: u16, port: u16, target: &str) -> ServiceRecord {
        ServiceRecord { priority, weight, port, target: target.to_owned() }
    }

    fn seen(records: Vec<ServiceRecord>) -> Vec<(String, u32, EndpointRole)> {
        let set = endpoints_of_services(records).unwrap();
        set.endpoints().iter().map(|it| (it.name.to_string(), it.weight.get(), it.role)).collect()
    }

    #[test]
    fn the_lowest_priority_serves_and_all_others_are_backups() {
        let records = vec![
            record(30, 0, 80, "c.test"),
            record(10, 5, 80, "b.test"),
            record(10, 0, 81, "a.test"),
            record(20, 7, 80, "d.test"),
        ];
        assert_eq!(
            seen(records),
            [
                ("a.test:81".to_owned(), 1, EndpointRole::Ready),
                ("b.test:80".to_owned(), 5, EndpointRole::Ready),
                ("c.test:80".to_owned(), 1, EndpointRole::Backup),
                ("d.test:80".to_owned(), 7, EndpointRole::Backup),
            ]
        );
    }

    #[test]
    fn the_root_says_that_there_is_no_service() {
        assert_eq!(seen(vec![record(0, 0, 0, "")]), []);
        assert_eq!(seen(vec![record(0, 0, 0, ""), record(5, 1, 80, "a.test")]).len(), 1);
    }

    #[test]
    fn what_no_endpoint_can_be_and_what_is_there_twice_is_refused_whole() {
        let good = record(0, 1, 80, "good.test");
        for (port, target) in [
            (0, "a.test"),
            (80, "a b.test"),
            (80, "10.0.0.1"),
            (80, "unix:/run/app.sock"),
            (80, "unix"),
            (80, "a\\000.test"),
        ] {
            let refused = endpoints_of_services(vec![good.clone(), record(0, 1, port, target)]).unwrap_err();
            assert!(matches!(refused, SetError::NoAddress(..)), "{target}: {refused}");
        }
        assert!(endpoints_of_services(vec![good.clone(), ServiceRecord { priority: 9, ..good }]).is_err());
    }

    proptest! {
        #[test]
        fn any_records_are_a_sorted_set_or_are_refused_whole(
            records in prop::collection::vec((0_u16..4, any::<u16>(), 0_u16..50, "[ab.]{0,3}"), 0..40),
            seed in any::<u64>(),
        ) {
            let records: Vec<_> = records.into_iter().map(|(priority, weight, port, target)| record(priority, weight, port, &target)).collect();
            let mut shuffled = records.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let named = records.iter().filter(|it| !it.target.is_empty()).count();
            match endpoints_of_services(records) {
                Ok(set) => {
                    prop_assert_eq!(set.endpoints().len(), named);
                    prop_assert!(set.endpoints().is_sorted_by(|one, next| one.name < next.name));
                    prop_assert_eq!(named > 0, set.endpoints().iter().any(|it| it.role == EndpointRole::Ready));
                    prop_assert_eq!(set, endpoints_of_services(shuffled).unwrap());
                }
                Err(_) => prop_assert!(endpoints_of_services(shuffled).is_err()),
            }
        }
    }
}
