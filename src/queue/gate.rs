//! Who may have a handshake under way with an endpoint: so many at once as its limit says, and the others wait for a turn. An open
//! gate has no limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use smallvec::SmallVec;

use super::client::ClientNetwork;
use super::fair::Ticket;
use super::limit::{HandshakeLimit, HandshakeOutcome};
use super::waiters::{Displaced, QueueIsFull, ToWake, Told, Waiters};
use crate::config::HandshakeLimits;

/// The gate of one endpoint.
///
/// Invariant: as long as somebody waits, as many turns are given out as the limit allows.
#[derive(Debug)]
pub struct Gate(Mutex<GateState>);

#[derive(Debug)]
struct GateState {
    /// `None` while it is open.
    limit: Option<HandshakeLimit>,
    /// Turns that are given out, to those too who have not heard of theirs yet.
    given: usize,
    waiters: Waiters,
}

/// What comes of asking for a turn.
#[derive(Debug)]
pub enum Entry {
    /// There is one.
    Turn(Turn),
    /// All are given out.
    Wait(WaitForTurn),
}

/// The right to have one handshake under way, for as long as this lives.
#[derive(Debug)]
pub struct Turn {
    gate: Arc<Gate>,
    generation: u64,
    /// What came of it, and when.
    outcome: Option<(HandshakeOutcome, Instant)>,
}

/// Ready with a turn, once it is its own. Dropped, it waits no more.
#[derive(Debug)]
pub struct WaitForTurn {
    gate: Arc<Gate>,
    /// `None` once it has heard.
    ticket: Option<Ticket>,
}

/// Those to be woken once the lock is free: mostly one.
type AllToWake = SmallVec<[ToWake; 2]>;

impl Gate {
    /// A gate that nobody has entered.
    pub fn new(bounds: HandshakeLimits) -> Self {
        let limit = Some(HandshakeLimit::new(bounds));
        Self(Mutex::new(GateState { limit, given: 0, waiters: Waiters::default() }))
    }

    /// Moves its limit between other bounds from now on; where it was open, the limit begins anew.
    pub fn set_bounds(&self, bounds: HandshakeLimits) {
        self.change(|state| match &mut state.limit {
            Some(limit) => limit.set_bounds(bounds),
            None => state.limit = Some(HandshakeLimit::new(bounds)),
        });
    }

    /// Lets in everybody who waits, and whoever still comes.
    pub fn open(&self) {
        self.change(|state| state.limit = None);
    }

    /// Takes a turn, or waits for one where fewer than `most_waiting` do.
    ///
    /// # Errors
    /// Nobody of this client can wait.
    pub fn enter(self: &Arc<Self>, client: ClientNetwork, most_waiting: usize) -> Result<Entry, QueueIsFull> {
        let mut state = self.locked();
        // Whoever waits was here before.
        if state.waiters.count() == 0 && state.given < state.limit() {
            state.given += 1;
            return Ok(Entry::Turn(self.turn(state.generation())));
        }
        let (ticket, displaced) = state.waiters.join(client, most_waiting)?;
        drop(state);
        drop(displaced);
        Ok(Entry::Wait(WaitForTurn { gate: Arc::clone(self), ticket: Some(ticket) }))
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.locked().waiters.count()
    }

    /// How many handshakes there may be at once now; the most that can be counted where it is open.
    pub fn limit(&self) -> usize {
        self.locked().limit()
    }

    fn turn(self: &Arc<Self>, generation: u64) -> Turn {
        Turn { gate: Arc::clone(self), generation, outcome: None }
    }

    /// Changes something by which there may come to be turns, and gives them out.
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        let mut state = self.locked();
        change(&mut state);
        let woken = state.give_out();
        drop(state);
        drop(woken);
    }

    fn locked(&self) -> MutexGuard<'_, GateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GateState {
    fn give_out(&mut self) -> AllToWake {
        let mut called = AllToWake::new();
        while self.given < self.limit()
            && let Some(to_wake) = self.waiters.call()
        {
            self.given += 1;
            called.push(to_wake);
        }
        called
    }

    fn limit(&self) -> usize {
        self.limit.as_ref().map_or(usize::MAX, HandshakeLimit::now)
    }

    fn generation(&self) -> u64 {
        self.limit.as_ref().map_or(0, HandshakeLimit::generation)
    }
}

impl Turn {
    /// What came of the handshake, for which this turn was taken. Without it nothing is learnt of it.
    pub fn note(&mut self, outcome: HandshakeOutcome, now: Instant) {
        self.outcome = Some((outcome, now));
    }

    /// Whether it is known what came of it.
    pub fn has_outcome(&self) -> bool {
        self.outcome.is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.change(|state| {
            if let (Some(limit), Some((outcome, now))) = (&mut state.limit, self.outcome) {
                limit.note(outcome, self.generation, state.given, now);
            }
            state.given -= 1;
        });
    }
}

impl Future for WaitForTurn {
    type Output = Result<Turn, Displaced>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = self.ticket else { return Poll::Pending };
        let mut state = self.gate.locked();
        let told = std::task::ready!(state.waiters.poll(ticket, cx));
        let generation = state.generation();
        drop(state);
        self.ticket = None;
        Poll::Ready(match told {
            Told::Called(_) => Ok(self.gate.turn(generation)),
            Told::Displaced => Err(Displaced),
        })
    }
}

impl Drop for WaitForTurn {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.change(|state| {
                if let Some(Told::Called(_)) = state.waiters.leave(ticket) {
                    state.given -= 1;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::task::noop_waker;
    use proptest::prelude::*;

    use super::super::limit::tests::bounds;
    use super::*;

    fn gate(limit: u32) -> Arc<Gate> {
        Arc::new(Gate::new(bounds(limit, limit, limit)))
    }

    fn turn(gate: &Arc<Gate>) -> Turn {
        match gate.enter(ClientNetwork::V4(0), 0) {
            Ok(Entry::Turn(turn)) => turn,
            other => panic!("{other:?}"),
        }
    }

    fn wait(gate: &Arc<Gate>, client: u32) -> WaitForTurn {
        match gate.enter(ClientNetwork::V4(client), 100) {
            Ok(Entry::Wait(wait)) => wait,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_turn_goes_to_the_next_who_waits_and_not_to_who_comes_just_then() {
        let gate = gate(1);
        let first = turn(&gate);
        let mut second = wait(&gate, 2);
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        let third = wait(&gate, 3);
        let second = second.now_or_never().unwrap().unwrap();
        assert_eq!(gate.waiting(), 1);
        drop(second);
        assert!(third.now_or_never().unwrap().is_ok());
        turn(&gate);
    }

    #[test]
    fn a_turn_that_was_given_to_who_left_goes_to_the_next() {
        let gate = gate(1);
        let first = turn(&gate);
        let (second, third, fourth) = (wait(&gate, 2), wait(&gate, 3), wait(&gate, 4));
        drop(third);
        drop(first);
        drop(second);
        assert!(fourth.now_or_never().unwrap().is_ok());
        turn(&gate);
    }

    #[test]
    fn who_may_not_wait_has_a_turn_at_once_or_none_and_displaces_nobody() {
        let gate = gate(1);
        let first = turn(&gate);
        let waiting = [2, 2].map(|client| wait(&gate, client));
        assert_eq!(gate.enter(ClientNetwork::V4(3), 0).unwrap_err(), QueueIsFull);
        assert_eq!(gate.waiting(), 2);
        drop((first, waiting));
        turn(&gate);
    }

    #[test]
    fn who_is_displaced_reads_so() {
        let gate = gate(1);
        let _first = turn(&gate);
        let (one, two) = (wait(&gate, 2), wait(&gate, 2));
        assert_eq!(gate.enter(ClientNetwork::V4(2), 2).unwrap_err(), QueueIsFull);
        assert!(matches!(gate.enter(ClientNetwork::V4(3), 2), Ok(Entry::Wait(_))));
        assert_eq!(two.now_or_never().unwrap().unwrap_err(), Displaced);
        assert!(one.now_or_never().is_none());
    }

    #[test]
    fn a_greater_limit_lets_as_many_in_at_once() {
        let gate = gate(1);
        let _first = turn(&gate);
        let waiting: Vec<_> = (0..4).map(|client| wait(&gate, client)).collect();
        gate.set_bounds(bounds(3, 3, 3));
        let turns = waiting.into_iter().filter_map(FutureExt::now_or_never).collect::<Vec<_>>();
        assert_eq!((turns.len(), gate.limit()), (2, 3));
    }

    #[test]
    fn an_open_gate_lets_everybody_in_until_it_is_limited_again() {
        let gate = gate(1);
        let first = turn(&gate);
        let waiting = [2, 3, 4].map(|client| wait(&gate, client));
        gate.open();
        let turns: Vec<_> = waiting.into_iter().filter_map(FutureExt::now_or_never).collect();
        let one_more = turn(&gate);
        assert_eq!(turns.len(), 3);
        gate.set_bounds(bounds(2, 1, 5));
        let fourth = wait(&gate, 5);
        drop((first, turns));
        assert_eq!(gate.limit(), 2);
        assert!(fourth.now_or_never().unwrap().is_ok());
        drop(one_more);
    }

    #[test]
    fn what_came_of_a_handshake_moves_the_limit() {
        let gate = Arc::new(Gate::new(bounds(8, 1, 8)));
        let (mut failed, abandoned) = (turn(&gate), turn(&gate));
        drop(abandoned);
        assert_eq!(gate.limit(), 8);
        failed.note(HandshakeOutcome::Failed, Instant::now());
        drop(failed);
        assert_eq!(gate.limit(), 6);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter(u32),
        /// A turn ends, by its number counted round, as well as that.
        End(usize, Option<u64>),
        /// One who waits hears what it is told.
        Hear(usize),
        Leave(usize),
        Bound(u32),
        Open,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_u32..5).prop_map(Step::Enter),
            3 => (any::<usize>(), prop::option::of(1_u64..60)).prop_map(|(which, millis)| Step::End(which, millis)),
            4 => any::<usize>().prop_map(Step::Hear),
            1 => any::<usize>().prop_map(Step::Leave),
            1 => (1_u32..8).prop_map(Step::Bound),
            1 => Just(Step::Open),
        ]
    }

    proptest! {
        #[test]
        fn everybody_is_served_refused_or_gone_and_never_too_many_at_once(
            steps in prop::collection::vec(step(), 0..300),
            most_waiting in 0_usize..8,
        ) {
            let gate = Arc::new(Gate::new(bounds(3, 1, 6)));
            let (mut turns, mut waiting) = (Vec::new(), Vec::new());
            let (waker, now) = (noop_waker(), Instant::now());
            for step in steps {
                let given = gate.locked().given;
                match step {
                    Step::Enter(client) => match gate.enter(ClientNetwork::V4(client), most_waiting) {
                        Ok(Entry::Turn(turn)) => turns.push(turn),
                        Ok(Entry::Wait(wait)) => waiting.push(wait),
                        Err(QueueIsFull) => {}
                    },
                    Step::End(which, millis) => if !turns.is_empty() {
                        let mut turn = turns.swap_remove(which % turns.len());
                        let millis = millis.map(Duration::from_millis);
                        turn.note(millis.map_or(HandshakeOutcome::Failed, HandshakeOutcome::Switched), now);
                    },
                    Step::Hear(which) => if !waiting.is_empty() {
                        let which = which % waiting.len();
                        if let Poll::Ready(told) = Pin::new(&mut waiting[which]).poll(&mut Context::from_waker(&waker)) {
                            waiting.swap_remove(which);
                            turns.extend(told);
                        }
                    },
                    Step::Leave(which) => if !waiting.is_empty() {
                        waiting.swap_remove(which % waiting.len());
                    },
                    Step::Bound(max) => gate.set_bounds(bounds(1, 1, max)),
                    Step::Open => gate.open(),
                }
                let state = gate.locked();
                prop_assert!(state.given <= given.max(state.limit()));
                prop_assert!(state.waiters.count() == 0 || state.given >= state.limit(), "a turn lies idle");
            }
            turns.extend(waiting.into_iter().filter_map(|wait| wait.now_or_never()?.ok()));
            prop_assert_eq!(gate.locked().given, turns.len());
            turns.clear();
            let state = gate.locked();
            prop_assert_eq!((state.given, state.waiters.count()), (0, 0));
        }
    }
}
