//! What came of a storm.

use std::time::Duration;

/// What came of a storm.
#[derive(Debug)]
pub(super) struct Report {
    /// When each client was in.
    pub(super) is_in: Vec<Option<Duration>>,
    pub(super) tries: u64,
    pub(super) refused: u64,
    /// Handshakes that were late.
    pub(super) failed: u64,
    /// Handshakes under way on one endpoint.
    pub(super) most_at_once: usize,
    in_so_far: usize,
}

impl Report {
    pub(super) fn new(clients: usize) -> Self {
        Self { is_in: vec![None; clients], tries: 0, refused: 0, failed: 0, most_at_once: 0, in_so_far: 0 }
    }

    /// This one is in.
    pub(super) fn note_in(&mut self, client: usize, now: Duration) {
        self.is_in[client] = Some(now);
        self.in_so_far += 1;
    }

    pub(super) fn is_everybody_in(&self) -> bool {
        self.in_so_far == self.is_in.len()
    }

    /// When so many in a hundred of some clients were in; `None` where they never were.
    pub(super) fn in_by(&self, percent: usize, clients: impl Fn(usize) -> bool) -> Option<Duration> {
        let mut times: Vec<_> = (0..self.is_in.len()).filter(|client| clients(*client)).collect();
        times.sort_by_key(|client| self.is_in[*client].unwrap_or(Duration::MAX));
        let last = (times.len() * percent).div_ceil(100).checked_sub(1)?;
        self.is_in[times[last]]
    }

    /// A row of the table; `others` are those beside the one who comes with many connections.
    pub(super) fn row(&self, others: impl Fn(usize) -> bool) -> String {
        let time = |time: Option<Duration>| time.map_or("never".into(), |time| format!("{:.1} s", time.as_secs_f64()));
        let everybody = [50, 99, 100].map(|percent| time(self.in_by(percent, |_| true)));
        let Self { most_at_once, tries, refused, failed, .. } = self;
        let others = time(self.in_by(99, others));
        format!(" {} | {others} | {most_at_once} | {tries} | {refused} | {failed} |", everybody.join(" | "))
    }
}
