//! What must hold of the endpoints that any answer of DNS names. `tests/corpus.rs` calls it too.

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RecordType;
use windlass::config::{EndpointRole, MOST_ENDPOINTS};
use windlass::discovery::{EndpointSet, SetError, endpoints_at, endpoints_of_services};
use windlass::resolver::{addresses_of, services_of};

/// An answer is a bounded, sorted set of endpoints, of which some serve, or it is refused whole.
pub fn srv(data: &[u8]) {
    let Ok(message) = Message::from_vec(data) else { return };
    let Some(question) = message.queries.first() else { return };
    if let Ok(found) = services_of(&message, question.name()) {
        check(endpoints_of_services(found.records));
    }
    for record_type in [RecordType::A, RecordType::AAAA] {
        if let Ok(found) = addresses_of(&message, question.name(), record_type) {
            assert!(!found.records.is_empty(), "an answer without addresses is none");
            check(endpoints_at(found.records, 8080));
        }
    }
}

fn check(set: Result<EndpointSet, SetError>) {
    let Ok(set) = set else { return };
    let endpoints = set.endpoints();
    assert!(endpoints.len() <= MOST_ENDPOINTS);
    assert!(endpoints.is_sorted_by(|one, next| one.name < next.name));
    assert!(endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.role == EndpointRole::Ready));
}
