//! How many file descriptors this process may have, and how many tunnels that is.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
    /// How many tunnels can be open at once: each needs two descriptors, and a session that is not a tunnel yet needs one.
    pub fn capacity_in_tunnels(&self) -> u64 {
        self.now.saturating_sub(RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_TUNNEL
    }

    /// What an operator should read when the capacity is below what a proxy is expected to hold.
    pub fn shortage(&self) -> Option<String> {
        let tunnels = self.capacity_in_tunnels();
        (tunnels < EXPECTED_TUNNELS).then(|| {
            format!(
                "room for only {tunnels} tunnels, because this process may open {} file descriptors: \
                 raise the hard limit (LimitNOFILE= in the systemd unit, `ulimit -Hn` in a shell)",
                self.now
            )
        })
    }
}

impl fmt::Display for DescriptorLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room for {} tunnels with {} file descriptors", self.capacity_in_tunnels(), self.now)
    }
}

/// The client's and the endpoint's.
const DESCRIPTORS_PER_TUNNEL: u64 = 2;

/// Kept for listeners, workers' epoll and event descriptors, logs, files read by a reload, and idle connections to endpoints.
const RESERVED_DESCRIPTORS: u64 = 100;

/// Below this many tunnels the limit is more likely an oversight than a wish.
const EXPECTED_TUNNELS: u64 = 4096;

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
    fn counts_two_descriptors_a_tunnel_beside_the_reserve() {
        assert_eq!(limit(1024).capacity_in_tunnels(), 462);
        assert_eq!(limit(100).capacity_in_tunnels(), 0);
        assert_eq!(limit(1).capacity_in_tunnels(), 0);
    }

    #[test]
    fn warns_below_4096_tunnels_and_not_from_there_on() {
        assert!(limit(8291).shortage().is_some_and(|text| text.contains("only 4095 tunnels")));
        assert_eq!(limit(8292).shortage(), None);
    }

    #[test]
    fn says_how_much_room_there_is() {
        assert_eq!(limit(1_048_576).to_string(), "room for 524238 tunnels with 1048576 file descriptors");
    }

    fn limit(now: u64) -> DescriptorLimit {
        DescriptorLimit { soft_before: 1024, now }
    }
}
