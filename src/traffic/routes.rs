//! The counters of every route, a cell for each worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;

use super::cell::{RouteTraffic, TrafficCell};
use super::tunnel_traffic::TunnelTraffic;
use crate::config::RouteName;

/// What goes through the tunnels of each route.
#[derive(Debug)]
pub struct Traffic {
    /// By worker: nobody but a reader ever waits for another one.
    workers: Box<[Mutex<Cells>]>,
}

type Cells = HashMap<RouteName, Arc<TrafficCell>>;

impl Traffic {
    /// Nothing so far, for so many workers.
    pub fn new(workers: usize) -> Self {
        Self { workers: (0..workers.max(1)).map(|_| Mutex::default()).collect() }
    }

    /// The counters of a tunnel that opens on `worker` by this route.
    pub fn begin(&self, worker: usize, route: &RouteName) -> TunnelTraffic {
        let Some(worker) = self.workers.get(worker % self.workers.len()) else { return TunnelTraffic::default() };
        let mut cells = locked(worker);
        let cell = match cells.get(route) {
            Some(cell) => Arc::clone(cell),
            None => Arc::clone(cells.entry(route.clone()).or_default()),
        };
        TunnelTraffic::new(cell)
    }

    /// What went through so far, by route.
    pub fn by_route(&self) -> BTreeMap<RouteName, RouteTraffic> {
        let mut all = BTreeMap::<_, RouteTraffic>::new();
        for worker in &self.workers {
            for (route, cell) in &*locked(worker) {
                cell.add_to(all.entry(route.clone()).or_default());
            }
        }
        all
    }

    /// Forgets what went through routes that are gone, and that no open tunnel came by.
    pub fn keep_routes(&self, is_there: impl Fn(&RouteName) -> bool) {
        for worker in &self.workers {
            locked(worker).retain(|route, cell| is_there(route) || Arc::strong_count(cell) > 1);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held leaves the table whole: each change to it is a single call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Passed, Second};
    use super::*;
    use crate::websocket::{Direction, Side};

    fn passed(messages: u64, bytes: u64) -> Passed {
        Passed { messages, bytes, pings: 1 }
    }

    #[test]
    fn what_every_worker_counted_of_a_route_is_one_sum() {
        let traffic = Traffic::new(2);
        let tunnels = [0, 1, 3].map(|worker| traffic.begin(worker, &"chat".into()));
        for tunnel in &tunnels {
            tunnel.direction(Direction::FromClient).note_passed(passed(2, 100), Second(0));
            tunnel.direction(Direction::FromClient).note_size(40);
            tunnel.note_ping_time(Side::Upstream, Duration::from_millis(3));
            tunnel.note_waiting(Direction::FromUpstream, 7, Duration::from_secs(1));
            tunnel.note_taken(Direction::FromUpstream, Duration::from_secs(3));
        }
        let all = traffic.by_route();
        let chat = &all["chat"];
        let counts = chat.counts.from_client;
        assert_eq!((counts.messages, counts.bytes, chat.pings.from_client), (6, 300, 3));
        assert_eq!((chat.sizes.from_client.count(), chat.sizes.from_client.sum), (3, 120.0));
        assert_eq!((chat.ping_times.upstream.count(), chat.ping_times.client.count()), (3, 0));
        assert_eq!(chat.held_back.from_upstream, Duration::from_secs(6));
        assert_eq!(chat.counts.from_upstream, Default::default());
    }

    #[test]
    fn a_route_that_is_gone_is_told_of_until_its_last_tunnel_has_ended() {
        let traffic = Traffic::new(1);
        let tunnel = traffic.begin(0, &"old".into());
        traffic.begin(0, &"gone".into());
        traffic.begin(0, &"new".into());
        let names = || traffic.by_route().into_keys().map(|name| name.to_string()).collect::<Vec<_>>();
        traffic.keep_routes(|route| *route == "new".into());
        assert_eq!(names(), ["new", "old"]);
        drop(tunnel);
        traffic.keep_routes(|route| *route == "new".into());
        assert_eq!(names(), ["new"]);
    }
}
