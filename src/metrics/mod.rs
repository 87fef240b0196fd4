//! What is counted over the life of the process, and how it is written for Prometheus.
//!
//! [`Metrics`] has one field for each counter; [`Gauges`] are looked at when somebody asks. Nothing in here is touched for a
//! message or a frame: the least that costs a count is a request. What every request touches is counted by each worker in a place of
//! its own ([`per_worker`]), and found without a lock ([`table`]); who looks sums. Invariant: no label grows with the traffic. Labels
//! are words of ours, names that the configuration has now, or close codes, where an application's own are put together.

mod authorizations;
mod buckets;
mod by_route;
mod cells;
mod certificates;
mod client_protocols;
mod counted_tunnel;
mod counters;
#[cfg(test)]
mod documented;
mod endpoints;
mod exposition;
mod gauges;
mod gone_routes;
mod keys;
mod listener_certificates;
mod moves;
mod per_worker;
mod phases;
#[cfg(test)]
mod ready_made;
mod recent_endings;
mod refusal_kind;
mod reloads;
mod route_counts;
mod rows;
mod sources;
mod spans;
#[cfg(test)]
mod specimen;
mod sums;
mod table;
mod text;
mod tls_failures;
mod traffic;
mod words;

pub use authorizations::AuthResult;
pub use buckets::Distribution;
pub use client_protocols::ClientProtocol;
pub use counted_tunnel::{CountedTunnel, TunnelEnd};
pub use counters::Metrics;
pub use exposition::Exposition;
pub use gauges::{
    AllocatorReader, AllocatorUsage, CertificateEnd, DrainGauge, EndpointGauge, Gauges, HandshakesGauge, NamesGauge,
    OrderGauge, ProcessUsage, SourceGauge, TunnelsOpen,
};
pub use phases::{HandshakePhase, HandshakeTimes};
pub use refusal_kind::RefusalKind;
pub use reloads::{ReloadCounts, ReloadResult};
pub use spans::SpanFate;
pub use sums::{EndingCount, ExchangeCount};
pub use words::Words;
