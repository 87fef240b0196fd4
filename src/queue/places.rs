//! Who waits for the place of an open tunnel, where every endpoint that it could be on has as many as it may.
//!
//! Nobody is given a place here: whoever is called looks for one, and whoever finds none waits on where it stood. So a place
//! that comes to be free by other ways than the end of a tunnel is found by whoever looks of its own accord.
//! Where a place is not for everybody, whoever is called for one that it may not have passes the call on, to one of each client
//! at most: so what a free place costs is bounded by how many clients wait, however many connections one of them has.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use super::client::ClientNetwork;
use super::fair::{Rank, Ticket};
use super::waiters::{Displaced, QueueIsFull, Told, Waiters};

/// Those who wait for a place with one upstream.
#[derive(Debug, Default)]
pub struct Places {
    /// How many wait: what every tunnel that ends asks.
    waiting: AtomicUsize,
    waiters: Mutex<Waiters>,
}

/// Ready each time that a place may be free. Dropped, it waits no more, and where it has been called the next is.
#[derive(Debug)]
pub struct WaitForPlace {
    places: Arc<Places>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Waiting(Ticket),
    /// It looks for a place; its client stood there.
    Called(Ticket, Rank),
    /// It has a place, or was displaced.
    Done,
}

impl Places {
    /// Whether somebody waits, and newcomers should too.
    pub fn has_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// A place is free that was not. Whoever says so has freed it before, by an operation that is sequentially consistent:
    /// then either this finds who waits, or that one finds the place.
    pub fn note_free(&self) {
        if self.has_waiting() {
            let called = self.change(|waiters| waiters.call());
            drop(called);
        }
    }

    /// Waits where fewer than `most_waiting` do. Whoever does looks for a place once more before it waits to be called.
    ///
    /// # Errors
    /// Nobody of this client can wait.
    pub fn wait(self: &Arc<Self>, client: ClientNetwork, most_waiting: usize) -> Result<WaitForPlace, QueueIsFull> {
        let (ticket, displaced) = self.change(|waiters| waiters.join(client, most_waiting))?;
        drop(displaced);
        fence(Ordering::SeqCst);
        Ok(WaitForPlace { places: Arc::clone(self), state: State::Waiting(ticket) })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Waiters) -> T) -> T {
        let mut waiters = self.locked();
        let changed = change(&mut waiters);
        self.waiting.store(waiters.count(), Ordering::SeqCst);
        changed
    }

    fn locked(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitForPlace {
    /// It has a place: if it was called for that one, nobody else is.
    pub fn note_placed(&mut self) {
        if let State::Called(..) = self.state {
            self.state = State::Done;
        }
    }

    /// It has found no place, and waits on as if it had not been called.
    pub fn wait_on(&mut self) {
        if let State::Called(ticket, rank) = self.state {
            self.places.change(|waiters| waiters.wait_on(ticket, rank));
            self.state = State::Waiting(ticket);
        }
    }

    /// It has found no place that it may have, and waits on as if it had not been called; the next client behind it is.
    pub fn pass_on(&mut self) {
        if let State::Called(ticket, rank) = self.state {
            let called = self.places.change(|waiters| {
                waiters.wait_on(ticket, rank);
                waiters.call_behind(rank)
            });
            drop(called);
            self.state = State::Waiting(ticket);
        }
    }
}

impl Future for WaitForPlace {
    type Output = Result<(), Displaced>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let State::Waiting(ticket) = self.state else { return Poll::Pending };
        let told = ready!(self.places.locked().poll(ticket, cx));
        Poll::Ready(match told {
            Told::Called(rank) => {
                self.state = State::Called(ticket, rank);
                Ok(())
            }
            Told::Displaced => {
                self.state = State::Done;
                Err(Displaced)
            }
        })
    }
}

impl Drop for WaitForPlace {
    fn drop(&mut self) {
        let was_called = match self.state {
            State::Waiting(ticket) => {
                matches!(self.places.change(|waiters| waiters.leave(ticket)), Some(Told::Called(_)))
            }
            State::Called(..) => true,
            State::Done => false,
        };
        if was_called {
            self.places.note_free();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn wait(places: &Arc<Places>, client: u32) -> WaitForPlace {
        places.wait(ClientNetwork::V4(client), 10).unwrap()
    }

    fn is_called(wait: &mut WaitForPlace) -> bool {
        wait.now_or_never().is_some_and(|told| told.is_ok())
    }

    #[test]
    fn each_place_that_is_free_calls_one() {
        let places = Arc::default();
        let [mut one, mut two] = [1, 2].map(|client| wait(&places, client));
        places.note_free();
        assert!(is_called(&mut one) && !is_called(&mut two));
        one.note_placed();
        drop(one);
        assert!(!is_called(&mut two), "the place is taken");
        places.note_free();
        assert!(is_called(&mut two));
    }

    #[test]
    fn who_was_called_in_vain_is_the_first_again() {
        let places = Arc::default();
        let [mut one, mut two] = [1, 2].map(|client| wait(&places, client));
        places.note_free();
        assert!(is_called(&mut one));
        one.wait_on();
        assert_eq!(places.waiting(), 2);
        places.note_free();
        assert!(is_called(&mut one) && !is_called(&mut two));
    }

    #[test]
    fn a_call_that_is_passed_on_comes_to_one_of_each_client_and_to_an_end() {
        let places = Arc::default();
        let mut all = [1, 1, 2, 3].map(|client| wait(&places, client));
        places.note_free();
        for (called, others) in [(0, [1, 2, 3]), (2, [0, 1, 3]), (3, [0, 1, 2])] {
            assert!(is_called(&mut all[called]));
            assert!(others.iter().all(|other| !is_called(&mut all[*other])));
            all[called].pass_on();
        }
        assert!(all.iter_mut().all(|wait| !is_called(wait)));
        assert_eq!(places.waiting(), 4);
        places.note_free();
        assert!(is_called(&mut all[0]));
    }

    #[test]
    fn a_call_for_somebody_who_leaves_goes_to_the_next() {
        let places = Arc::default();
        let [mut one, two, mut three] = [1, 2, 3].map(|client| wait(&places, client));
        places.note_free();
        assert!(is_called(&mut one));
        places.note_free();
        drop(one);
        assert!(is_called(&mut three), "the second was called before");
        drop(two);
        assert_eq!(places.waiting(), 0);
    }

    #[test]
    fn who_finds_a_place_uncalled_leaves_the_others_as_they_are() {
        let places = Arc::default();
        let [mut one, mut two] = [1, 2].map(|client| wait(&places, client));
        one.note_placed();
        drop(one);
        assert!(!is_called(&mut two));
        assert_eq!(places.waiting(), 1);
    }

    #[test]
    fn a_full_queue_displaces_or_refuses() {
        let places: Arc<Places> = Arc::default();
        let mut waiting: Vec<_> = (0..10).map(|_| wait(&places, 1)).collect();
        assert!(places.wait(ClientNetwork::V4(1), 10).is_err());
        let _other = wait(&places, 2);
        assert_eq!((&mut waiting[9]).now_or_never(), Some(Err(Displaced)));
        assert_eq!((&mut waiting[8]).now_or_never(), None);
        assert_eq!(places.waiting(), 10);
    }
}
