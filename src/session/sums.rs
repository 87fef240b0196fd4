//! Equal lines, summed: one client that fails again and again writes a few lines, and then one a second with their number.
//!
//! Counters are no business of this: they count each. Invariant: no more than [`MOST`] kinds of lines are known at a time,
//! whoever sends what; what is beyond them is summed without its client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::config::ListenerName;

/// How many equal lines of one second are written in full.
const IN_FULL: u64 = 10;
/// After which time what was summed is said, and the next lines are written in full again.
const WINDOW: Duration = Duration::from_secs(1);
/// How many kinds of lines are told apart in one second.
const MOST: usize = 1024;

/// What makes two lines equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct About {
    /// The message of the line.
    pub(super) message: &'static str,
    /// The one word for what happened.
    pub(super) word: &'static str,
    /// Where.
    pub(super) listener: ListenerName,
    /// Who is to blame; `None` for everybody whom there is no room to tell apart.
    pub(super) client: Option<IpAddr>,
}

/// The lines of the last second.
#[derive(Debug, Default)]
pub(super) struct Sums {
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    known: HashMap<About, Window>,
    /// When all that was known at the last look through them has ended: before, another look would find little.
    next_look: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    times: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// It is written.
    Write,
    /// It is counted, and the first that is: somebody has to say at this time how many there were.
    Begin(About, Instant),
    /// It is counted.
    Count,
}

impl Sums {
    /// Whether the line about this is to be written in full; otherwise it is counted, and a line with `times` follows.
    ///
    /// Call it on a worker: what follows is written by a task there.
    pub(super) fn is_to_be_written(self: &Arc<Self>, about: About) -> bool {
        match self.judge(about, Instant::now()) {
            Decision::Write => true,
            Decision::Count => false,
            Decision::Begin(about, ends) => {
                let sums = Arc::clone(self);
                tokio::spawn(async move {
                    sleep_until(ends).await;
                    sums.say(&about);
                });
                false
            }
        }
    }

    /// Says everything that was summed and not said yet: the process ends.
    pub(super) fn say_all(&self) {
        let known: Vec<_> = self.windows().known.keys().cloned().collect();
        known.iter().for_each(|about| self.say(about));
    }

    fn say(&self, about: &About) {
        let Some(times) = self.take(about) else { return };
        let About { message, word, listener, client } = about;
        let client = client.map(tracing::field::display);
        if *message == OF_OPERATORS {
            return tracing::info!(target: "windlass::admin::audit", client, refusal = word, times, "{message}");
        }
        tracing::info!(client, %listener, refusal = word, times, "{message}");
    }

    fn judge(&self, mut about: About, now: Instant) -> Decision {
        let mut windows = self.windows();
        if !windows.known.contains_key(&about) && !windows.make_room(now) {
            about.client = None;
        }
        let fresh = || Window { ends: now + WINDOW, times: 0 };
        let window = windows.known.entry(about.clone()).or_insert_with(fresh);
        if window.ends <= now && window.times <= IN_FULL {
            *window = fresh();
        }
        window.times += 1;
        match window.times {
            ..=IN_FULL => Decision::Write,
            FIRST_COUNTED => Decision::Begin(about, window.ends),
            _ => Decision::Count,
        }
    }

    /// Ends the window; how many lines were counted in it, if any.
    fn take(&self, about: &About) -> Option<u64> {
        let window = self.windows().known.remove(about)?;
        window.times.checked_sub(IN_FULL).filter(|&times| times > 0)
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        // A panic while it was held leaves counts that are off by one at the most.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Windows {
    /// Whether there is room for another kind. A crowd asks this with every line, while all workers wait for the lock: so what
    /// has ended is looked for once a second at the most.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.known.len() >= MOST && self.next_look.is_none_or(|next| next <= now) {
            // What is summed is still to be said.
            self.known.retain(|_, window| window.ends > now || window.times > IN_FULL);
            self.next_look = Some(now + WINDOW);
        }
        self.known.len() < MOST
    }
}

const FIRST_COUNTED: u64 = IN_FULL + 1;
/// What operators did is told at every level, and as one kind of lines.
const OF_OPERATORS: &str = "operator";

#[cfg(test)]
mod tests {
    use super::*;

    fn about(client: u32, word: &'static str) -> About {
        About { message: "refused", word, listener: "l".into(), client: Some(IpAddr::from(client.to_be_bytes())) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_are_written_and_the_others_counted_until_the_second_is_over() {
        let (sums, now) = (Sums::default(), Instant::now());
        for _ in 0..IN_FULL {
            assert_eq!(sums.judge(about(1, "a"), now), Decision::Write);
        }
        assert_eq!(sums.judge(about(1, "a"), now), Decision::Begin(about(1, "a"), now + WINDOW));
        assert_eq!(sums.judge(about(1, "a"), now + WINDOW), Decision::Count, "as long as nobody has said the sum");
        assert_eq!(sums.judge(about(1, "b"), now), Decision::Write, "another word");
        assert_eq!(sums.judge(about(2, "a"), now), Decision::Write, "another client");

        assert_eq!(sums.take(&about(1, "a")), Some(2));
        assert_eq!(sums.take(&about(1, "a")), None);
        assert_eq!(sums.judge(about(1, "a"), now + WINDOW), Decision::Write);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_slowly_is_always_written() {
        let (sums, mut now) = (Sums::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(sums.judge(about(1, "a"), now), Decision::Write);
            now += WINDOW / 9;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_takes_no_more_room_than_there_is() {
        let (sums, now) = (Sums::default(), Instant::now());
        let decisions: Vec<_> = (0..200_000).map(|client| sums.judge(about(client, "a"), now)).collect();

        assert_eq!(sums.windows().known.len(), MOST + 1, "and one for those who are not told apart");
        let written = decisions.iter().filter(|&decision| *decision == Decision::Write).count();
        assert_eq!(written as u64, MOST as u64 + IN_FULL);
        let all = About { client: None, ..about(0, "a") };
        assert_eq!(sums.take(&all), Some(200_000 - MOST as u64 - IN_FULL));

        assert_eq!(sums.judge(about(300_000, "a"), now + WINDOW), Decision::Write, "the old ones make room");
        assert_eq!(sums.windows().known.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_looked_through_once_a_second() {
        let (sums, now) = (Sums::default(), Instant::now());
        let most = u32::try_from(MOST).unwrap();
        for client in 0..most {
            sums.judge(about(client, "a"), now);
        }
        let soon = now + WINDOW / 2;
        sums.judge(about(most, "a"), soon);
        sums.judge(about(most + 1, "a"), now + WINDOW);
        assert!(!sums.windows().known.contains_key(&about(most + 1, "a")), "nobody has looked yet");
        sums.judge(about(most + 1, "a"), soon + WINDOW);
        assert!(sums.windows().known.contains_key(&about(most + 1, "a")));
    }
}
