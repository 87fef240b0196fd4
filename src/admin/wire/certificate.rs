//! How it stands with certificates that are ordered, in the status.

use rustls::pki_types::UnixTime;
use serde::{Deserialize, Serialize};

use crate::acme::AcmeStatus;
use crate::metrics::OrderGauge;
use crate::process::unix_seconds;

/// How it stands with a name that certificates are ordered for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CertificateStatus {
    /// The name.
    pub name: String,
    /// When its certificate ends, in seconds since 1970; `None` where there is none yet.
    pub ends: Option<u64>,
    /// In how many seconds that is; 0 where it has ended.
    pub ends_in_seconds: Option<u64>,
    /// In how many seconds it is ordered, or renewed; `None` while that is under way for the first time.
    pub order_in_seconds: Option<u64>,
    /// How often that has failed.
    pub failures: u64,
    /// Why it has failed, where there was no new certificate since.
    pub problem: Option<String>,
}

impl CertificateStatus {
    pub(in crate::admin) fn of((name, status): (String, AcmeStatus)) -> Self {
        let AcmeStatus { ends, order_at, failures, problem } = status;
        let left = |time: UnixTime| time.as_secs().saturating_sub(unix_seconds());
        Self {
            name,
            ends: ends.map(|ends| ends.as_secs()),
            ends_in_seconds: ends.map(left),
            order_in_seconds: order_at.map(left),
            failures,
            problem: problem.map(|problem| problem.to_string()),
        }
    }
}

pub(in crate::admin) fn order_gauge((name, status): (String, AcmeStatus)) -> OrderGauge {
    let ends = status.ends.map(|ends| i64::try_from(ends.as_secs()).unwrap_or(i64::MAX));
    OrderGauge { name, ends, failures: status.failures }
}
