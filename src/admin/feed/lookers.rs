//! Who looks: only so many, and one task that puts the feed together for all of them as long as there is somebody.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::event::{FeedEvent, Sections};
use crate::admin::door::LetIn;
use crate::process::unix_milliseconds;

/// How many look at a time: half of the places of a listener, so that there is one for who steers.
pub(super) const MOST: usize = 16;
/// How many of them may be strangers: who says who they are finds a place whoever else looks.
const MOST_STRANGERS: usize = 8;
/// Between two events.
const EVERY: Duration = Duration::from_secs(1);

type Events = watch::Sender<Option<Arc<FeedEvent>>>;

/// Everybody who looks.
#[derive(Clone, Debug)]
pub struct Lookers {
    places: Arc<Semaphore>,
    /// Of the same places those that strangers may have.
    strangers: Arc<Semaphore>,
    /// What they listen to; `None` while nobody does.
    events: Arc<Mutex<Option<Arc<Events>>>>,
}

/// What one of them hears.
#[derive(Debug)]
pub(super) struct Hearing {
    events: watch::Receiver<Option<Arc<FeedEvent>>>,
    _place: OwnedSemaphorePermit,
    _as_a_stranger: Option<OwnedSemaphorePermit>,
}

/// Whoever puts the feed together: when that ends, by a panic too, those who look hear of it, and the next one begins anew.
struct Teller {
    lookers: Lookers,
    sender: Arc<Events>,
}

impl Lookers {
    /// One more who looks, unless there are too many; `build` puts together what there is to see where nobody does yet.
    pub(super) fn join<B, F>(&self, let_in: LetIn, build: B) -> Option<Hearing>
    where
        B: Fn() -> F + Send + 'static,
        F: Future<Output = Sections> + Send + 'static,
    {
        let place = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let as_a_stranger = if let_in.is_known() { None } else { Some(place(&self.strangers)?) };
        let place = place(&self.places)?;
        let mut telling = self.telling();
        let sender = telling.get_or_insert_with(|| {
            let sender = Arc::new(watch::Sender::new(None));
            tokio::spawn(tell(Teller { lookers: self.clone(), sender: Arc::clone(&sender) }, build));
            sender
        });
        let mut events = sender.subscribe();
        // What was said last is said at once.
        events.mark_changed();
        Some(Hearing { events, _place: place, _as_a_stranger: as_a_stranger })
    }

    /// Whether nobody listens to `sender` any more; nobody begins to from then on.
    fn are_gone(&self, sender: &Events) -> bool {
        let mut telling = self.telling();
        let are_gone = sender.receiver_count() == 0;
        if are_gone {
            *telling = None;
        }
        are_gone
    }

    fn telling(&self) -> MutexGuard<'_, Option<Arc<Events>>> {
        // Each change is one assignment.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Lookers {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { places: places(MOST), strangers: places(MOST_STRANGERS), events: Arc::default() }
    }
}

impl Hearing {
    /// The next event, or the last one where somebody has just come; `None` where there will be none.
    pub(super) async fn next(&mut self) -> Option<Arc<FeedEvent>> {
        loop {
            self.events.changed().await.ok()?;
            let event = self.events.borrow_and_update().clone();
            if event.is_some() {
                return event;
            }
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let mut telling = self.lookers.telling();
        if telling.as_ref().is_some_and(|sender| Arc::ptr_eq(sender, &self.sender)) {
            *telling = None;
        }
    }
}

/// Puts the feed together as long as there is somebody.
async fn tell<B, F>(teller: Teller, build: B)
where
    B: Fn() -> F,
    F: Future<Output = Sections>,
{
    let Teller { lookers, sender } = &teller;
    let mut seconds = interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_due = tokio::select! {
            _ = seconds.tick() => true,
            () = sender.closed() => false,
        };
        if lookers.are_gone(sender) {
            return;
        }
        if is_due {
            let sections = build().await;
            let before = sender.borrow().clone();
            let event = FeedEvent::after(before.as_deref(), sections, unix_milliseconds());
            sender.send_replace(Some(Arc::new(event)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{Instant, sleep};

    use super::*;

    const KNOWN: LetIn = LetIn::BySocket;

    /// What is seen, and how often that was put together.
    fn counted() -> (Arc<AtomicUsize>, impl Fn() -> std::future::Ready<Sections> + Clone + Send + 'static) {
        let count = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&count);
        let build = move || {
            let number = counting.fetch_add(1, Ordering::Relaxed);
            std::future::ready(vec![("number", number.to_string())])
        };
        (count, build)
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_put_together_once_a_second_for_all_who_look() {
        let (lookers, (count, build), start) = (Lookers::default(), counted(), Instant::now());
        let mut all: Vec<_> = (0..MOST).map(|_| lookers.join(KNOWN, build.clone()).unwrap()).collect();
        for number in 1..=5 {
            for hearing in &mut all {
                assert_eq!(hearing.next().await.unwrap().number, number);
            }
        }
        assert_eq!((count.load(Ordering::Relaxed), start.elapsed()), (5, 4 * EVERY));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_hears_the_last_event_at_once() {
        let (lookers, (_, build)) = (Lookers::default(), counted());
        let mut first = lookers.join(KNOWN, build.clone()).unwrap();
        first.next().await.unwrap();
        let start = Instant::now();
        let event = lookers.join(KNOWN, build).unwrap().next().await.unwrap();
        assert_eq!((event.number, start.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_look_and_who_leaves_makes_room() {
        let (lookers, (_, build)) = (Lookers::default(), counted());
        let mut all: Vec<_> = (0..MOST).map(|_| lookers.join(KNOWN, build.clone()).unwrap()).collect();
        assert!(lookers.join(KNOWN, build.clone()).is_none());
        all.pop();
        assert!(lookers.join(KNOWN, build).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_put_together_while_nobody_looks() {
        let (lookers, (count, build)) = (Lookers::default(), counted());
        let mut hearing = lookers.join(KNOWN, build.clone()).unwrap();
        hearing.next().await.unwrap();
        drop(hearing);
        sleep(10 * EVERY).await;
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(lookers.telling().is_none(), "its task has ended");
        assert_eq!(lookers.join(KNOWN, build).unwrap().next().await.unwrap().number, 1, "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_leave_places_for_who_is_known() {
        let (lookers, (_, build)) = (Lookers::default(), counted());
        let strangers: Vec<_> = (0..MOST).filter_map(|_| lookers.join(LetIn::Freely, build.clone())).collect();
        assert_eq!(strangers.len(), MOST_STRANGERS);
        let known: Vec<_> = (0..MOST).filter_map(|_| lookers.join(LetIn::ByToken, build.clone())).collect();
        assert_eq!(known.len(), MOST - MOST_STRANGERS);
        drop((strangers, known));
        assert!(lookers.join(LetIn::Freely, build).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_the_feed_of_who_looks_and_the_next_one_sees_again() {
        let (lookers, (count, build)) = (Lookers::default(), counted());
        let failing = move || {
            assert!(count.load(Ordering::Relaxed) > 0, "as a bug might");
            std::future::ready(Sections::new())
        };
        let mut hearing = lookers.join(KNOWN, failing).unwrap();
        assert!(hearing.next().await.is_none(), "they are told, and come again");
        assert_eq!(lookers.join(KNOWN, build).unwrap().next().await.unwrap().number, 1);
    }
}
