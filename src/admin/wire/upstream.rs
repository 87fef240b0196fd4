//! Upstreams and their endpoints, as the status tells of them.

use serde::{Deserialize, Serialize};

/// One upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStatus>,
    /// Who is asked for them; `None` where the file lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<UpstreamSource>,
    /// Whom it does not serve now, and why, such as `no upgrades: …`; `None` where it serves, as far as anybody has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_served: Option<String>,
}

/// Who is asked for the endpoints of an upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UpstreamSource {
    /// What is asked, such as `dns app.internal:8080`.
    pub source: String,
    /// How many seconds ago it named the set that is served, or the same again; `None` where it has named none yet.
    pub age_seconds: Option<u64>,
    /// How often it has not answered.
    pub failures: u64,
    /// How many sets of it were refused.
    pub refused: u64,
    /// Why it has no set now, where that is so.
    pub problem: Option<String>,
}

/// One endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndpointStatus {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Its open tunnels, those of processes that handed over among them.
    pub tunnels: usize,
    /// Those among them that processes hold which handed over.
    #[serde(default)]
    pub tunnels_of_predecessors: usize,
    /// Whether an operator drains it.
    pub draining: bool,
    /// What speaks against placing anybody there: `eligible` where nothing does, or the first of `drained`, `leaving`, `down` and
    /// `ejected`. Empty from an older process.
    #[serde(default)]
    pub state: String,
    /// Everything that does, in the same order.
    #[serde(default)]
    pub causes: Vec<CauseStatus>,
    /// What has failed there since the last time that it went well, whether anybody is kept away for it or not: of each kind of request.
    #[serde(default)]
    pub failing: Vec<FailingStatus>,
}

/// Requests of one kind that failed in a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailingStatus {
    /// `upgrades` or `exchanges`.
    pub asked: String,
    /// How many, in a row.
    pub in_a_row: u32,
    /// For how many seconds.
    pub for_seconds: u64,
    /// Why the last one failed.
    pub why: String,
}

impl FailingStatus {
    /// How many, in words: `the last 3 upgrades`.
    pub fn which(&self) -> String {
        match self.in_a_row {
            1 => format!("the last {}", self.asked.trim_end_matches('s')),
            several => format!("the last {several} {}", self.asked),
        }
    }
}

/// One cause that speaks against an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CauseStatus {
    /// `drained`, `leaving`, `down` or `ejected`.
    pub cause: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// For how many seconds.
    pub for_seconds: u64,
    /// Why.
    pub why: String,
}
