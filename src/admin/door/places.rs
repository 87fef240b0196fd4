//! The places for operators' connections: each listener has its own, and when all of them are taken, one that rests makes room.
//!
//! So nobody keeps others out by doing nothing, and who looks whether the process lives finds a place at any time: strangers at one
//! listener take none of another's, those at one address make room for one another, and who was never let in leaves before who was.
//! What is being carried out is never given up for a newcomer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::guesses::network;
use crate::process::OPERATORS_PER_LISTENER;

/// How many of a listener one address has (an IPv6 /64) before those of it that rest make room for its next.
const PER_ADDRESS: usize = 16;

/// How long an answer has that is being made.
pub(in crate::admin) const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long one has that is made: who reads has it by then.
const IN_THE_KERNEL: Duration = Duration::from_millis(100);

/// The places of every listener.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<Vec<ListenerPlaces>>>);

/// The places of one listener.
#[derive(Clone, Debug)]
pub(in crate::admin) struct ListenerPlaces {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<TakenPlaces>>,
}

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub(in crate::admin) struct OperatorPlace {
    guest: Guest,
    /// Says that it is needed.
    needed: oneshot::Receiver<()>,
    _permit: OwnedSemaphorePermit,
}

/// Whose place it is.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Guest {
    number: u64,
    taken: Arc<Mutex<TakenPlaces>>,
}

/// A request is carried out as long as this lives: its connection does not rest.
#[derive(Debug)]
pub(in crate::admin) struct RequestGuard(Guest);

/// Who has a place.
#[derive(Debug, Default)]
struct TakenPlaces {
    connections: BTreeMap<u64, OperatorConnection>,
    /// Numbers connections, and rests.
    last: u64,
    /// Somebody waits for a place.
    is_wanted: bool,
}

#[derive(Debug)]
struct OperatorConnection {
    /// From where it came; `None` of a process of this machine.
    from: Option<IpAddr>,
    /// Whether who asks has once said who they are.
    is_known: bool,
    /// Whether a feed goes over it, which rests and yet is of use.
    has_feed: bool,
    /// The number of its rest, at first its own; `None` while a request of it is carried out.
    rest: Option<u64>,
    /// What tells it to leave; `None` once it was told.
    tell: Option<oneshot::Sender<()>>,
    /// It is told when it is answered.
    is_dismissed: bool,
}

impl Places {
    /// Those of a listener that begins.
    pub(in crate::admin) fn of_new_listener(&self) -> ListenerPlaces {
        let places = ListenerPlaces { free: Arc::new(Semaphore::new(OPERATORS_PER_LISTENER)), taken: Arc::default() };
        let mut all = lock(&self.0);
        // Of a listener that is gone, and of whose connections none is left, nobody else has these.
        all.retain(|places| Arc::strong_count(&places.taken) > 1);
        all.push(places.clone());
        places
    }

    /// Tells everybody to leave, now.
    pub(in crate::admin) fn clear(&self) {
        lock(&self.0).iter().for_each(|places| lock(&places.taken).tell_all());
    }

    /// Waits until all are free.
    pub(in crate::admin) async fn are_free(&self) {
        let all = lock(&self.0).clone();
        for places in all {
            drop(places.free.acquire_many_owned(OPERATORS_PER_LISTENER as u32).await);
        }
    }
}

impl ListenerPlaces {
    /// Waits for a place for a connection from there (`None`: a process of this machine, which the system has let in), and makes one if
    /// a connection rests.
    pub(in crate::admin) async fn take(&self, from: Option<IpAddr>) -> OperatorPlace {
        let from = from.map(network);
        lock(&self.taken).thin_out(from);
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                lock(&self.taken).want();
                let permit = Arc::clone(&self.free).acquire_owned().await.expect("it is never closed");
                lock(&self.taken).is_wanted = false;
                permit
            }
        };
        let (number, needed) = lock(&self.taken).enter(from);
        OperatorPlace { guest: Guest { number, taken: Arc::clone(&self.taken) }, needed, _permit: permit }
    }

    /// Nobody is served any longer than they must: who rests leaves at once, the others when they are answered. Who has come a moment
    /// ago has a request on its way, most likely, and is answered too.
    pub(in crate::admin) fn dismiss(&self) {
        lock(&self.taken).dismiss_all();
    }
}

impl Guest {
    /// A request is carried out from now on.
    pub(in crate::admin) fn at_work(&self) -> RequestGuard {
        if let Some(connection) = lock(&self.taken).connections.get_mut(&self.number) {
            connection.rest = None;
        }
        RequestGuard(self.clone())
    }
}

impl RequestGuard {
    /// Who asks has said who they are.
    pub(in crate::admin) fn note_known(&self) {
        self.note(|connection| connection.is_known = true);
    }

    /// What is answered goes on for as long as somebody hears it.
    pub(in crate::admin) fn note_feed(&self) {
        self.note(|connection| connection.has_feed = true);
    }

    fn note(&self, note: impl FnOnce(&mut OperatorConnection)) {
        if let Some(connection) = lock(&self.0.taken).connections.get_mut(&self.0.number) {
            note(connection);
        }
    }
}

impl OperatorPlace {
    /// Whose it is.
    pub(in crate::admin) fn guest(&self) -> Guest {
        self.guest.clone()
    }

    /// Resolves when somebody needs the place more.
    pub(in crate::admin) async fn is_needed(&mut self) {
        // The sender lives as long as the place is taken.
        let _ = (&mut self.needed).await;
    }

    /// Whether a request of it is carried out.
    pub(in crate::admin) fn is_at_work(&self) -> bool {
        lock(&self.guest.taken).connections.get(&self.guest.number).is_some_and(|it| it.rest.is_none())
    }

    /// How long what is still to be written may take once the place is needed.
    pub(in crate::admin) fn grace(&self) -> Duration {
        let number = self.guest.number;
        match lock(&self.guest.taken).connections.get(&number) {
            // Half a request at the most: there is nothing to be written.
            Some(OperatorConnection { rest: Some(rest), .. }) if *rest == number => Duration::ZERO,
            Some(OperatorConnection { rest: Some(_), is_dismissed: false, .. }) => IN_THE_KERNEL,
            Some(_) | None => ANSWER_WITHIN,
        }
    }
}

impl Drop for OperatorPlace {
    fn drop(&mut self) {
        lock(&self.guest.taken).connections.remove(&self.guest.number);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut taken = lock(&self.0.taken);
        let rest = taken.next();
        if let Some(connection) = taken.connections.get_mut(&self.0.number) {
            connection.rest = Some(rest);
            if connection.is_dismissed {
                connection.tell();
            }
        }
        if taken.is_wanted {
            taken.want();
        }
    }
}

impl TakenPlaces {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn enter(&mut self, from: Option<IpAddr>) -> (u64, oneshot::Receiver<()>) {
        let number = self.next();
        let (tell, needed) = oneshot::channel();
        let connection = OperatorConnection {
            from,
            is_known: from.is_none(),
            has_feed: false,
            rest: Some(number),
            tell: Some(tell),
            is_dismissed: false,
        };
        self.connections.insert(number, connection);
        (number, needed)
    }

    fn tell_all(&mut self) {
        self.connections.values_mut().for_each(OperatorConnection::tell);
    }

    fn dismiss_all(&mut self) {
        for (number, connection) in &mut self.connections {
            connection.is_dismissed = true;
            if connection.rest.is_some_and(|rest| rest != *number) {
                connection.tell();
            }
        }
    }

    /// Where an address has many already, one of those that rest makes room for its next.
    fn thin_out(&mut self, from: Option<IpAddr>) {
        let stays = |it: &&mut OperatorConnection| it.from == from && it.tell.is_some();
        // At loopback there are as many people as this machine has.
        let is_of_one = from.is_some_and(|from| !from.is_loopback());
        if is_of_one && self.connections.values_mut().filter(stays).count() >= PER_ADDRESS {
            first_to_leave(self.connections.values_mut().filter(stays)).into_iter().for_each(OperatorConnection::tell);
        }
    }

    /// Tells one that rests to leave; where none does, the next one that will.
    fn want(&mut self) {
        let first = first_to_leave(self.connections.values_mut());
        let is_wanted = first.is_none();
        first.into_iter().for_each(OperatorConnection::tell);
        self.is_wanted = is_wanted;
    }
}

/// Of those that rest one that was never let in, has no feed, and has rested longest.
fn first_to_leave<'c>(
    connections: impl Iterator<Item = &'c mut OperatorConnection>,
) -> Option<&'c mut OperatorConnection> {
    let resting = connections.filter(|it| it.rest.is_some() && it.tell.is_some());
    resting.min_by_key(|it| (it.is_known, it.has_feed, it.rest))
}

impl OperatorConnection {
    /// Tells it to leave.
    fn tell(&mut self) {
        if let Some(tell) = self.tell.take() {
            // One that has just ended by itself makes room too.
            let _ = tell.send(());
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
