//! How far what was written to a connection has got, for each of those who share it: whoever has it in his hands looks, when
//! somebody wants to know.
//!
//! The kernel knows of the connection alone. Once that had nothing on its way at all, whatever was written before has arrived, and
//! what others write later says nothing of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::process::Delivery;

/// What is known of a connection, by all who share it.
#[derive(Clone, Debug, Default)]
pub struct SharedDelivery(Arc<Mutex<Known>>);

/// How far what one of them has written has got.
#[derive(Debug)]
pub struct StreamDelivery {
    shared: SharedDelivery,
    /// When that was.
    written: Instant,
}

#[derive(Debug, Default)]
struct Known {
    /// How far it was at the last look.
    delivery: Option<Delivery>,
    /// When a look last found nothing on its way.
    clear: Option<Instant>,
    /// Somebody wants to know how far it is now.
    is_asked: bool,
    /// Wakes who looks.
    holder: Option<Waker>,
}

impl SharedDelivery {
    /// How far it was at the last look; there is another one now, for the next who asks.
    pub fn ask(&self) -> Option<Delivery> {
        let mut known = self.known();
        known.ask();
        known.delivery
    }

    /// Looks, if somebody wants to know: `delivery` asks the kernel. Whoever holds the connection calls it when it is polled.
    pub fn look(&self, cx: &Context<'_>, delivery: impl FnOnce() -> Option<Delivery>) {
        let mut known = self.known();
        if known.holder.as_ref().is_none_or(|holder| !holder.will_wake(cx.waker())) {
            known.holder = Some(cx.waker().clone());
        }
        if std::mem::take(&mut known.is_asked) {
            known.delivery = delivery();
            if known.delivery.is_some_and(|delivery| !delivery.outstanding) {
                known.clear = Some(Instant::now());
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn ask(&mut self) {
        if !std::mem::replace(&mut self.is_asked, true)
            && let Some(holder) = &self.holder
        {
            holder.wake_by_ref();
        }
    }
}

impl StreamDelivery {
    /// That of one who has written nothing yet.
    pub fn new(shared: SharedDelivery) -> Self {
        Self { shared, written: Instant::now() }
    }

    /// Something was written.
    pub fn note_written(&mut self) {
        self.written = Instant::now();
    }

    /// How far it was at the last look, as [`SharedDelivery::ask`]; nothing more is known of it once all of it has arrived.
    pub fn ask(&self) -> Option<Delivery> {
        let mut known = self.shared.known();
        known.ask();
        match known.clear {
            Some(clear) if clear > self.written => Some(ARRIVED),
            _ => known.delivery,
        }
    }
}

/// Nothing is on its way, and nothing moves any more.
const ARRIVED: Delivery = Delivery { acked: 0, outstanding: false, since_ack: Duration::ZERO };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::DeliveryTimer;

    const TIMEOUT: Duration = Duration::from_secs(16);

    /// After how many seconds a stream that wrote at the start has waited for too long, on a connection that takes something each
    /// second, and has nothing on its way at the end of `clear`.
    fn waits(clear: u64) -> u64 {
        let shared = SharedDelivery::default();
        let stream = StreamDelivery::new(shared.clone());
        let start = Instant::now();
        let mut timer = DeliveryTimer::new(stream.ask(), start);
        let cx = Context::from_waker(Waker::noop());
        for second in 1..200 {
            let now = start + Duration::from_secs(second);
            let outstanding = second != clear;
            shared.look(&cx, || Some(Delivery { acked: 100 + second, outstanding, since_ack: Duration::ZERO }));
            if timer.poll_expired(TIMEOUT, || stream.ask(), now) {
                return second;
            }
        }
        200
    }

    #[test]
    fn what_others_write_puts_nobody_off_whose_own_has_arrived() {
        assert_eq!(waits(1000), 200, "the line is slow, and takes something still");
        assert_eq!(waits(1), 16);
        assert_eq!(waits(40), 55);
    }

    #[test]
    fn nobody_is_asked_for_nothing() {
        let shared = SharedDelivery::default();
        let cx = Context::from_waker(Waker::noop());
        shared.look(&cx, || panic!("nobody wants to know"));
        assert_eq!(shared.ask(), None);
        shared.look(&cx, || None);
        shared.look(&cx, || panic!("nobody wants to know again"));
    }
}
