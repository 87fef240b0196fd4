//! Whether an endpoint is well: what its probes and the requests that it was given say of it, and when to look again.
//!
//! Pure: what happened and `now` in, verdicts out; chance is an argument, too, as a fraction in `0.0..1.0`. What it does not: ask
//! endpoints, know upstreams, keep anybody away. Invariants: a verdict changes only after so many equal results in a row; an
//! endpoint that is ejected has at most one trial under way; what is due is never later than its interval says.

mod asked;
mod ejection;
mod failures;
mod retry_budget;
mod schedule;
mod verdict;

pub use asked::Asked;
pub use ejection::{Ejection, EjectionRule, TrialNumber, WhenDue};
pub use failures::{InARow, RecentFailures};
pub use retry_budget::{RetryBudget, RetryRule};
pub use schedule::{LastProbe, Schedule, WOKEN_APART};
pub use verdict::{Availability, ProbeResult, Thresholds, Verdict};
