//! What is said over the admin listener, in both directions, as JSON: docs/openapi.json is written from these types.
//!
//! What it does not: find anything out. Invariant: what has gone out once keeps its name and its meaning.

mod certificate;
mod close;
mod log_level;
mod plan;
mod status;
mod tap;
mod tunnel_words;
mod tunnels;
mod upstream;

pub use certificate::CertificateStatus;
pub(in crate::admin) use certificate::order_gauge;
pub use close::{CloseAnswer, CloseRequest};
pub use log_level::{LogLevelRequest, LogLevelStatus, NotedLevel};
pub use plan::{PlanAnswer, PlanRequest, PlannedLeaving, PlannedPredecessor, PlannedTunnels};
pub use status::*;
pub(in crate::admin) use tap::TapBounds;
pub use tap::{SeenLine, TapLine, TapRequest};
pub(in crate::admin) use tunnel_words::listed;
pub use tunnel_words::{MOST_TUNNELS, SortOrder, TunnelParameter, TunnelSort, tunnels_path};
pub use tunnels::{
    InDirections, OnSides, TunnelDetail, TunnelLimits, TunnelList, TunnelOrder, TunnelRate, TunnelStatus,
    TunnelsElsewhere,
};
pub use upstream::{CauseStatus, EndpointStatus, FailingStatus, UpstreamSource, UpstreamStatus};
