//! Takes connections in, and hands each to a worker.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::context::{Admission, Welcome};
use super::proxy::{Full, Proxy};
use super::serve::{serve, turn_away};
use crate::config::ListenerName;
use crate::net::{Accepted, Acceptor};
use crate::snapshot::Listener;

/// How long accepting rests when the system has no descriptor or memory left for a connection.
const REST: Duration = Duration::from_millis(100);
/// How often it says so.
const COMPLAIN: Duration = Duration::from_secs(10);

/// How many who wait in the queue are taken in at the end: as many as the queue is asked to hold.
const MOST_WAITING: usize = 4096;

/// What becomes of a socket when its listener ends.
#[derive(Clone, Debug)]
pub enum Afterwards {
    /// It closes, which resets whoever still waits in its queue.
    Closed,
    /// It stays open for the next process, and whoever waits in its queue is that one's.
    Left,
    /// This listener goes on accepting from it, and whoever waits in its queue is its own.
    TakenOver(Arc<Listener>),
}

/// Accepts connections of a listener until `end`; before the socket closes, also those that wait already.
pub async fn accept(
    acceptor: Acceptor,
    listener: Arc<Listener>,
    proxy: Arc<Proxy>,
    end: impl Future<Output = Afterwards>,
) {
    let name = listener.settings.name.clone();
    // Once the listener is gone from the snapshot, what still waited in its queue is served as it was last.
    let mut last = listener;
    let mut end = std::pin::pin!(end);
    let (mut complained, mut full) = (Complained::default(), None);
    let afterwards = loop {
        let (place, accepted) = tokio::select! {
            biased;
            afterwards = &mut end => break afterwards,
            next = next(&acceptor, &proxy, &name, &mut full, &mut complained) => next,
        };
        match accepted {
            Ok(connection) => {
                // The end may have come while this one was accepted, for the two are decided on different threads.
                let ended = end.as_mut().now_or_never();
                if let Some(Afterwards::TakenOver(successor)) = &ended {
                    last.clone_from(successor);
                }
                hand_over(connection, &mut last, &proxy, place);
                if let Some(afterwards) = ended {
                    break afterwards;
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                complained.say(|| {
                    tracing::error!(listener = %name, %error, "cannot accept: out of a resource; raise LimitNOFILE or lower the load");
                });
                sleep(REST).await;
            }
        }
    };
    match afterwards {
        Afterwards::Left | Afterwards::TakenOver(_) => return,
        Afterwards::Closed => {}
    }
    // Those who come faster than they are taken in would keep it open for ever.
    for _ in 0..MOST_WAITING {
        let Some(place) = free_place(&proxy) else { return };
        let Some(connection) = next_waiting(|| acceptor.accept_waiting()) else { return };
        hand_over(connection, &mut last, &proxy, place);
    }
}

/// What there is for a connection.
enum FreePlace {
    /// A place; without a permit only where permits are no more.
    Served(Option<OwnedSemaphorePermit>),
    /// A word that there is none.
    TurnedAway(Option<OwnedSemaphorePermit>),
}

/// The next connection, and what there is for it. With every place taken that is a word, as long as the reserve lasts; then it
/// waits in the queue.
///
/// Cancel safe: a connection that was not returned waits still.
async fn next(
    acceptor: &Acceptor,
    proxy: &Arc<Proxy>,
    name: &ListenerName,
    full: &mut Option<Full>,
    complained: &mut Complained,
) -> (FreePlace, io::Result<(Accepted, SocketAddr)>) {
    let permit = match Arc::clone(&proxy.permits).try_acquire_owned() {
        Ok(permit) => Some(permit),
        Err(_) => {
            full.get_or_insert_with(|| proxy.note_full());
            complained.say(|| {
                tracing::warn!(listener = %name, "every place is taken: new clients are told to come back; raise LimitNOFILE, or add a proxy");
            });
            let turned_away = async {
                let reserved = Arc::clone(&proxy.reserve).acquire_owned().await.ok();
                (FreePlace::TurnedAway(reserved), acceptor.accept().await)
            };
            tokio::select! {
                biased;
                permit = Arc::clone(&proxy.permits).acquire_owned() => permit.ok(),
                turned_away = turned_away => return turned_away,
            }
        }
    };
    *full = None;
    (FreePlace::Served(permit), acceptor.accept().await)
}

fn free_place(proxy: &Proxy) -> Option<FreePlace> {
    let free = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
    let served = free(&proxy.permits).map(|permit| FreePlace::Served(Some(permit)));
    served.or_else(|| free(&proxy.reserve).map(|reserved| FreePlace::TurnedAway(Some(reserved))))
}

/// The next who waits already. That one of them failed says nothing of who is behind it.
fn next_waiting<C>(mut accept: impl FnMut() -> io::Result<C>) -> Option<C> {
    loop {
        match accept() {
            Ok(connection) => return Some(connection),
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return None,
        }
    }
}

fn hand_over(connection: (Accepted, SocketAddr), listener: &mut Arc<Listener>, proxy: &Arc<Proxy>, place: FreePlace) {
    if let Some(current) = proxy.snapshot().listeners().get(&listener.settings.name) {
        listener.clone_from(current);
    }
    let (listener, for_session) = (Arc::clone(listener), Arc::clone(proxy));
    match place {
        FreePlace::Served(permit) => {
            let admitted = |seat| Admission::new(seat, permit);
            proxy.workers.hand_over(|seat| serve(connection, listener, for_session, admitted(seat), Welcome::Served));
        }
        FreePlace::TurnedAway(reserved) => {
            proxy.workers.hand_over(|seat| turn_away(connection, listener, for_session, seat, reserved));
        }
    }
}

/// Whether only this one connection failed, before it was ours (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | HostUnreachable | Interrupted | NetworkDown | NetworkUnreachable
    )
}

/// Keeps a complaint from filling the log.
#[derive(Default)]
struct Complained {
    last: Option<Instant>,
}

impl Complained {
    fn say(&mut self, complaint: impl FnOnce()) {
        let now = Instant::now();
        if self.last.is_none_or(|last| now >= last + COMPLAIN) {
            self.last = Some(now);
            complaint();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind::{ConnectionAborted, NetworkUnreachable, Other, WouldBlock};

    use super::*;

    #[test]
    fn one_that_failed_in_the_queue_hides_nobody_behind_it() {
        for end in [WouldBlock, Other] {
            let queue = [Ok(1), Err(ConnectionAborted), Err(NetworkUnreachable), Ok(2), Err(end), Ok(3)];
            let mut queue = queue.into_iter();
            let mut accept = || queue.next().expect("nobody asks behind the end").map_err(io::Error::from);
            assert_eq!(next_waiting(&mut accept), Some(1));
            assert_eq!(next_waiting(&mut accept), Some(2));
            assert_eq!(next_waiting(&mut accept), None, "{end}");
        }
    }
}
