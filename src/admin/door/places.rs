//! The places for operators' connections: when all are taken, the one that has rested longest makes room.
//!
//! So nobody keeps others out by doing nothing, and who looks whether the process lives finds a place at any time. What is
//! being carried out is never given up for a newcomer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How many operators are served at a time.
pub(in crate::admin) const PLACES: usize = 32;

/// How long an answer has that is being made.
pub(in crate::admin) const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long one has that is made: who reads has it by then.
const IN_THE_KERNEL: Duration = Duration::from_millis(100);

/// The places.
#[derive(Clone, Debug)]
pub struct Places {
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
    /// By which listener it came.
    listener: u64,
    /// The number of its rest, at first its own; `None` while a request of it is carried out.
    rest: Option<u64>,
    /// What tells it to leave; `None` once it was told.
    tell: Option<oneshot::Sender<()>>,
    /// It is told when it is answered.
    is_dismissed: bool,
}

impl Places {
    /// A number for a listener that begins.
    pub(in crate::admin) fn new_listener(&self) -> u64 {
        lock(&self.taken).next()
    }

    /// Waits for a place for a connection of `listener`, and makes one if a connection rests.
    pub(in crate::admin) async fn take(&self, listener: u64) -> OperatorPlace {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                lock(&self.taken).want();
                let permit = Arc::clone(&self.free).acquire_owned().await.expect("it is never closed");
                lock(&self.taken).is_wanted = false;
                permit
            }
        };
        let (number, needed) = lock(&self.taken).enter(listener);
        OperatorPlace { guest: Guest { number, taken: Arc::clone(&self.taken) }, needed, _permit: permit }
    }

    /// Nobody who came by `listener` is served any longer than they must: who rests leaves at once, the others when they are
    /// answered. Who has come a moment ago has a request on its way, most likely, and is answered too.
    pub(in crate::admin) fn dismiss(&self, listener: u64) {
        lock(&self.taken).dismiss_all(listener);
    }

    /// Tells everybody to leave, now.
    pub(in crate::admin) fn clear(&self) {
        lock(&self.taken).tell_all();
    }

    /// Waits until all are free.
    pub(in crate::admin) async fn are_free(&self) {
        let all = Arc::clone(&self.free).acquire_many_owned(PLACES as u32).await;
        drop(all);
    }
}

impl Default for Places {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(PLACES)), taken: Arc::default() }
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

    fn enter(&mut self, listener: u64) -> (u64, oneshot::Receiver<()>) {
        let number = self.next();
        let (tell, needed) = oneshot::channel();
        let connection = OperatorConnection { listener, rest: Some(number), tell: Some(tell), is_dismissed: false };
        self.connections.insert(number, connection);
        (number, needed)
    }

    fn tell_all(&mut self) {
        self.connections.values_mut().for_each(OperatorConnection::tell);
    }

    fn dismiss_all(&mut self, listener: u64) {
        for (number, connection) in self.connections.iter_mut().filter(|(_, it)| it.listener == listener) {
            connection.is_dismissed = true;
            if connection.rest.is_some_and(|rest| rest != *number) {
                connection.tell();
            }
        }
    }

    /// Tells the connection that has rested longest to leave; where none rests, the next one that does.
    fn want(&mut self) {
        let resting = self.connections.values_mut().filter(|it| it.rest.is_some() && it.tell.is_some());
        let longest = resting.min_by_key(|it| it.rest);
        self.is_wanted = longest.is_none();
        longest.into_iter().for_each(OperatorConnection::tell);
    }
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

fn lock(taken: &Mutex<TakenPlaces>) -> MutexGuard<'_, TakenPlaces> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn is_told(place: &mut OperatorPlace) -> bool {
        place.is_needed().now_or_never().is_some()
    }

    #[tokio::test]
    async fn who_has_rested_longest_makes_room() {
        let places = Places::default();
        let mut taken = Vec::new();
        for _ in 0..PLACES {
            taken.push(places.take(1).await);
        }
        // The first has just been answered, the second is being answered.
        drop(taken[0].guest.at_work());
        let _at_work = taken[1].guest.at_work();

        let newcomer = places.take(1);
        let mut newcomer = std::pin::pin!(newcomer);
        assert!(newcomer.as_mut().now_or_never().is_none());

        let told: Vec<_> = (0..PLACES).filter(|number| is_told(&mut taken[*number])).collect();
        assert_eq!(told, [2]);
        drop(taken.remove(2));
        newcomer.await;
    }

    #[tokio::test]
    async fn where_everybody_is_at_work_the_first_who_rests_makes_room() {
        let places = Places::default();
        let mut taken = Vec::new();
        for _ in 0..PLACES {
            taken.push(places.take(1).await);
        }
        let mut at_work: Vec<_> = taken.iter().map(|place| place.guest.at_work()).collect();
        let newcomer = places.take(1);
        let mut newcomer = std::pin::pin!(newcomer);
        assert!(newcomer.as_mut().now_or_never().is_none());
        assert!(!taken.iter_mut().any(is_told));

        drop(at_work.remove(5));
        drop(at_work.remove(6));

        assert!(is_told(&mut taken[5]) && !is_told(&mut taken[7]));
        drop(taken.remove(5));
        newcomer.await;
    }

    #[tokio::test]
    async fn who_is_dismissed_is_answered_first() {
        let places = Places::default();
        let mut taken = [places.take(1).await, places.take(1).await, places.take(1).await];
        let [resting, busy, new] = &mut taken;
        drop(resting.guest.at_work());
        let at_work = busy.guest.at_work();

        places.dismiss(2);
        assert!(!is_told(resting));
        places.dismiss(1);
        assert!(is_told(resting) && !is_told(busy) && !is_told(new));
        drop(at_work);
        assert!(is_told(busy) && !is_told(new));
        drop(new.guest.at_work());
        assert!(is_told(new));
    }
}
