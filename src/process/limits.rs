//! How many file descriptors this process may have, and what they suffice for.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::counted;

/// The limit of open descriptors, as it was and as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The soft limit that the process was started with.
    pub soft_before: u64,
    /// The soft limit now: the hard limit, unless the system refused to give it.
    pub now: u64,
}

/// Raises the soft limit of open descriptors to the hard one.
///
/// Where the system refuses, the limit stays what it was, and the value says so.
pub fn raise_descriptor_limit() -> DescriptorLimit {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => before.maximum,
        Err(_) => before.current,
    };
    DescriptorLimit { soft_before: before.current.unwrap_or(u64::MAX), now: now.unwrap_or(u64::MAX) }
}

impl DescriptorLimit {
    /// What there is room for beside so many workers, listeners and admin listeners.
    pub fn room(&self, workers: usize, listeners: usize, admin_listeners: usize) -> Room {
        let own = [
            (workers, DESCRIPTORS_PER_WORKER),
            (listeners, DESCRIPTORS_PER_LISTENER),
            // Where there is none a reload may bring one.
            (admin_listeners.max(1), OPERATORS_PER_LISTENER),
        ];
        let reserved = own.iter().fold(RESERVED_DESCRIPTORS, |sum, (count, each)| sum.saturating_add(count * each));
        let descriptors = usize::try_from(self.now).unwrap_or(usize::MAX);
        let free = descriptors.saturating_sub(reserved);
        let resting = (free / RESTING_SHARE).min(MOST_RESTING);
        Room { descriptors, tunnels: (free - resting) / DESCRIPTORS_PER_TUNNEL, resting }
    }
}

/// What the descriptors suffice for: reserve + 2 × `tunnels` + `resting` ≤ `descriptors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// All of them.
    pub descriptors: usize,
    /// How many sessions and tunnels can be open at once: each may need two.
    pub tunnels: usize,
    /// How many connections with endpoints can rest between two exchanges, when they are no session's.
    pub resting: usize,
}

impl Room {
    /// What an operator should read when it is for fewer tunnels than a proxy is expected to hold.
    pub fn shortage(&self) -> Option<String> {
        let Self { descriptors, tunnels, .. } = self;
        (*tunnels < EXPECTED_TUNNELS).then(|| {
            format!(
                "room for only {tunnels} tunnels, because this process may open {descriptors} file descriptors: \
                 raise the hard limit (LimitNOFILE= in the systemd unit, `ulimit -Hn` in a shell)",
            )
        })
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room for {} with {}", counted(self.tunnels, "tunnel"), counted(self.descriptors, "file descriptor"))
    }
}

/// The client's and the endpoint's.
const DESCRIPTORS_PER_TUNNEL: usize = 2;

/// A runtime's epoll, twice, its event descriptor and its end of the signals' socket.
const DESCRIPTORS_PER_WORKER: usize = 4;

/// A socket and its acceptor's; twice, for a reload may open the new ones while the old ones are still there.
const DESCRIPTORS_PER_LISTENER: usize = 4;

/// How many operators an admin listener serves at a time.
pub const OPERATORS_PER_LISTENER: usize = 32;

/// Kept for what there is once: standard streams, the main runtime, signals, files read by a reload, a handoff.
const RESERVED_DESCRIPTORS: usize = 68 + MOST_TURNED_AWAY;

/// How many clients at once are told that there is no place for them: each needs a descriptor to be told.
pub const MOST_TURNED_AWAY: usize = 32;

/// Of the rest, this part is for connections with endpoints that rest.
const RESTING_SHARE: usize = 16;

/// More of them would seldom be used, and be fewer tunnels.
const MOST_RESTING: usize = 4096;

/// Below this many tunnels the limit is more likely an oversight than a wish.
const EXPECTED_TUNNELS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raises_the_soft_limit_to_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let lowered = hard.map_or(1 << 20, |hard| hard - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lowered), maximum: hard }).unwrap();

        let limit = raise_descriptor_limit();

        assert_eq!(limit.soft_before, lowered);
        assert_eq!(limit.now, hard.unwrap_or(u64::MAX));
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }

    #[test]
    fn whatever_it_is_divided_into_there_is_not_more() {
        for now in (0..20_000).chain([1 << 20, u64::MAX]) {
            let (workers, listeners, admin_listeners) = (32, 3, 2);
            let Room { descriptors, tunnels, resting } = limit(now).room(workers, listeners, admin_listeners);
            let reserve = 100 + 32 * admin_listeners + 4 * workers + 4 * listeners;
            assert!(tunnels == 0 || reserve + 2 * tunnels + resting <= descriptors, "{now}");
            assert!(descriptors <= reserve || descriptors - reserve - 2 * tunnels - resting <= 1, "{now}");
        }
    }

    #[test]
    fn few_of_many_descriptors_are_for_what_rests() {
        assert_eq!(limit(1 << 20).room(2, 1, 1), Room { descriptors: 1 << 20, tunnels: 522_168, resting: 4096 });
        assert_eq!(limit(1024).room(2, 1, 1), Room { descriptors: 1024, tunnels: 412, resting: 55 });
        assert_eq!(limit(100).room(2, 1, 1), Room { descriptors: 100, tunnels: 0, resting: 0 });
    }

    #[test]
    fn warns_below_4096_tunnels_and_not_from_there_on() {
        let room = |tunnels| Room { descriptors: 9000, tunnels, resting: 0 };
        assert!(room(4095).shortage().is_some_and(|text| text.contains("only 4095 tunnels")));
        assert_eq!(room(4096).shortage(), None);
    }

    #[test]
    fn says_how_much_room_there_is() {
        let room = Room { descriptors: 1024, tunnels: 427, resting: 57 };
        assert_eq!(room.to_string(), "room for 427 tunnels with 1024 file descriptors");
    }

    fn limit(now: u64) -> DescriptorLimit {
        DescriptorLimit { soft_before: 1024, now }
    }
}
