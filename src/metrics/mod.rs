//! What is counted over the life of the process, and how it is written for Prometheus.
//!
//! [`Metrics`] has one field for each counter; [`Gauges`] are looked at when somebody asks. Nothing in here is touched for a
//! message or a frame: the least that costs a count is a request. Invariant: no label grows with the traffic. Labels are
//! words of ours, names that the configuration has now, or close codes, where an application's own are put together.

mod authorizations;
mod certificates;
mod client_protocols;
mod counters;
#[cfg(test)]
mod documented;
mod exposition;
mod gauges;
mod listener_certificates;
mod sources;
#[cfg(test)]
mod specimen;
mod text;
mod tls_failures;

pub use authorizations::AuthResult;
pub use client_protocols::ClientProtocol;
pub use counters::{Metrics, ReloadCounts, ReloadResult, Words};
pub use exposition::Exposition;
pub use gauges::{
    DrainGauge, EndpointGauge, Gauges, HandshakesGauge, NamesGauge, OrderGauge, ProcessUsage, SourceGauge, TunnelsOpen,
};
