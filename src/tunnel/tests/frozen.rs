//! What is written of a tunnel, and what is not what was written: it is refused, or is a tunnel like any other.

use std::time::Duration;

use tokio::runtime::Builder;

use super::choices::Choices;
use super::frames::*;
use super::scene::millis;
use super::simulation::{Manners, Simulation};
use crate::websocket::Side;

/// How many bytes choose what happened before the tunnel was written.
const BEFORE: usize = 64;

/// Writes the tunnel of a simulation that `data` chooses, has it changed as the rest of `data` says, and carries on whatever that is; panics
/// where something does not hold that must.
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzz target calls it"))]
pub fn carry_on_anything(data: &[u8]) {
    fastrand::seed(0);
    let (before, changes) = data.split_at_checked(BEFORE).unwrap_or((data, &[]));
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut simulation = Simulation::new(Choices::from_bytes(before), Manners::Polite);
        simulation.act_politely_for_a_while().await;
        let tunnel = &mut simulation.tunnel;
        let change = |written: &mut Vec<u8>| {
            for change in changes.chunks_exact(3) {
                let [high, low, byte] = *change else { continue };
                let at = usize::from(u16::from_be_bytes([high, low]));
                match at.checked_rem(written.len()).and_then(|at| written.get_mut(at)) {
                    Some(changed) => *changed = byte,
                    None => written.push(byte),
                }
            }
        };
        if !tunnel.carry_over_changed(change) {
            return;
        }
        for round in 0..4 {
            for side in [Side::Client, Side::Upstream] {
                let peer = tunnel.peer(side);
                peer.has_room_for(usize::MAX);
                peer.moves_at_most(usize::MAX);
                peer.says(binary(round * 100));
            }
            tunnel.wait(millis(500)).await;
        }
        tunnel.drain(Duration::from_secs(1));
        tunnel.wait(Duration::from_secs(3)).await;
        assert!(!tunnel.is_open(), "the deadline ended nothing");
    });
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_not_what_was_written_is_refused_or_a_tunnel(
            before in vec(any::<u8>(), BEFORE),
            changes in vec((any::<u16>(), any::<u8>()), 0..4),
        ) {
            let changes = changes.into_iter().flat_map(|(at, byte)| [at.to_be_bytes()[0], at.to_be_bytes()[1], byte]);
            carry_on_anything(&before.into_iter().chain(changes).collect::<Vec<_>>());
        }
    }
}
