//! The worker threads: one current-thread runtime each. A session, and the tunnel it may become, never leaves its worker.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::Builder;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::time::interval;

/// The worker threads.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    /// Woken when a worker has nothing left.
    emptied: Arc<AtomicWaker>,
}

#[derive(Debug)]
struct Worker {
    /// Spawns on it. A task that comes from the worker itself wakes nobody and costs no system call.
    runtime: Handle,
    load: Arc<Load>,
    /// The worker ends, and every task on it, when this is dropped.
    _alive: oneshot::Sender<()>,
}

/// A place on a worker, counted as its load from hand-over for as long as this lives: in a reconnect storm no tunnel has
/// opened yet when the next connection must be placed.
#[derive(Debug)]
pub struct Seat {
    worker: usize,
    load: Arc<Load>,
}

/// What a worker has to do.
#[derive(Debug)]
struct Load {
    seats: AtomicUsize,
    emptied: Arc<AtomicWaker>,
}

impl Workers {
    /// Starts `count` workers.
    pub fn start(count: usize) -> io::Result<Self> {
        let emptied = Arc::default();
        let workers =
            (0..count.max(1)).map(|index| start_one(index, Arc::clone(&emptied))).collect::<io::Result<_>>()?;
        Ok(Self { workers, emptied })
    }

    /// Workers of a test, which all are its own runtime.
    #[cfg(test)]
    pub(crate) fn on_this_runtime(count: usize) -> Self {
        let emptied = Arc::<AtomicWaker>::default();
        let worker = |_| {
            let load = Arc::new(Load { seats: AtomicUsize::new(0), emptied: Arc::clone(&emptied) });
            Worker { runtime: Handle::current(), load, _alive: oneshot::channel().0 }
        };
        Self { workers: (0..count).map(worker).collect(), emptied: Arc::clone(&emptied) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Runs a task on the worker with the fewest open sessions and tunnels. The task keeps its seat as long as it counts.
    pub fn hand_over<F>(&self, task: impl FnOnce(Seat) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let seat = self.seat();
        if let Some(worker) = self.numbered(seat.worker) {
            worker.runtime.spawn(task(seat));
        }
    }

    /// A place on the worker with the fewest open sessions and tunnels, for who begins [there](Self::employ) a little later.
    pub fn seat(&self) -> Seat {
        let load = |worker: &Worker| worker.load.seats.load(Ordering::Relaxed);
        let emptiest = self.workers.iter().enumerate().min_by_key(|(_, worker)| load(worker));
        let (worker, load) = match emptiest {
            Some((index, worker)) => (index, Arc::clone(&worker.load)),
            None => (0, Arc::new(Load { seats: AtomicUsize::new(0), emptied: Arc::clone(&self.emptied) })),
        };
        load.seats.fetch_add(1, Ordering::Relaxed);
        Seat { worker, load }
    }

    /// Runs a task of the process itself on a worker, which any number names: it is nobody's load.
    pub fn employ(&self, number: usize, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(worker) = self.numbered(number) {
            worker.runtime.spawn(task);
        }
    }

    /// Makes something that belongs to a worker's runtime, which any number names: a socket that it watches.
    pub fn on<R>(&self, number: usize, make: impl FnOnce() -> R) -> R {
        let _entered = self.numbered(number).map(|worker| worker.runtime.enter());
        make()
    }

    fn numbered(&self, number: usize) -> Option<&Worker> {
        self.workers.get(number % self.workers.len().max(1))
    }

    /// Waits until every worker has taken a turn; a worker that is held up is waited for.
    ///
    /// Fails with the index of a worker whose thread is gone.
    pub async fn take_turns(&self) -> Result<(), usize> {
        let ask = |worker: &Worker| {
            let (taken, turn) = oneshot::channel();
            // One that is gone drops it unsent.
            worker.runtime.spawn(async move {
                let _ = taken.send(());
            });
            turn
        };
        let turns: Vec<_> = self.workers.iter().map(ask).collect();
        for (index, turn) in turns.into_iter().enumerate() {
            turn.await.map_err(|_| index)?;
        }
        Ok(())
    }

    /// The open sessions and tunnels of each worker.
    pub fn loads(&self) -> Vec<usize> {
        self.workers.iter().map(|worker| worker.load.seats.load(Ordering::Relaxed)).collect()
    }

    /// Waits until no session and no tunnel is open. One may wait at a time.
    pub async fn emptied(&self) {
        poll_fn(|cx| {
            self.emptied.register(cx.waker());
            if self.loads().iter().all(|load| *load == 0) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Seat {
    /// The index of the worker.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Another place on the same worker.
    pub fn beside(&self) -> Self {
        self.load.seats.fetch_add(1, Ordering::Relaxed);
        Self { worker: self.worker, load: Arc::clone(&self.load) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.load.seats.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.load.emptied.wake();
        }
    }
}

fn start_one(index: usize, emptied: Arc<AtomicWaker>) -> io::Result<Worker> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (alive, ended) = oneshot::channel::<()>();
    // Nobody waits for the thread: the process ends without it.
    Builder::new().name(format!("worker-{index}")).spawn(move || {
        runtime.spawn(tick());
        // Nothing is ever sent: it ends when the sender is dropped.
        let _ = runtime.block_on(ended);
    })?;
    let load = Arc::new(Load { seats: AtomicUsize::new(0), emptied });
    Ok(Worker { runtime: handle, load, _alive: alive })
}

/// A timer that is always near.
///
/// tokio interrupts its own wait, by writing to an eventfd, for each timer that is due before all others. Deadlines of seconds
/// never are while this ticks: opening a tunnel among few others takes a system call and a wake-up less.
async fn tick() {
    let mut ticks = interval(TICK);
    loop {
        ticks.tick().await;
    }
}

const TICK: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn a_storm_spreads_evenly() {
        let workers = Workers::start(4).unwrap();
        let (seated, mut seats) = unbounded_channel();
        for _ in 0..1000 {
            let seated = seated.clone();
            workers.hand_over(|seat| async move {
                let _ = seated.send(seat);
            });
        }
        assert_eq!(workers.loads(), [250; 4]);
        drop(seated);
        let mut taken = [0; 4];
        while let Some(seat) = seats.recv().await {
            taken[seat.worker()] += 1;
        }
        assert_eq!(taken, [250; 4]);
        assert_eq!(workers.loads(), [0; 4]);
    }

    #[tokio::test]
    async fn who_waits_for_the_end_is_told_when_the_last_has_left() {
        let workers = Workers::start(2).unwrap();
        workers.emptied().await;
        let (seated, mut seats) = unbounded_channel();
        for _ in 0..3 {
            let seated = seated.clone();
            workers.hand_over(|seat| async move {
                let _ = seated.send(seat);
            });
        }
        let moment = Duration::from_millis(20);
        for _ in 0..3 {
            assert!(tokio::time::timeout(moment, workers.emptied()).await.is_err());
            let seat = seats.recv().await.unwrap();
            // From another thread than the one that waits.
            std::thread::spawn(move || drop(seat));
        }
        tokio::time::timeout(Duration::from_secs(10), workers.emptied()).await.unwrap();
    }

    #[tokio::test]
    async fn a_worker_that_is_held_up_takes_no_turn() {
        let workers = Workers::start(2).unwrap();
        assert_eq!(workers.take_turns().await, Ok(()));
        let (release, held_up) = std::sync::mpsc::channel::<()>();
        workers.hand_over(|_| async move {
            let _ = held_up.recv();
        });

        let moment = Duration::from_millis(50);
        assert!(tokio::time::timeout(moment, workers.take_turns()).await.is_err());

        drop(release);
        assert_eq!(workers.take_turns().await, Ok(()));
    }

    #[tokio::test]
    async fn the_emptiest_worker_is_next() {
        let workers = Workers::start(2).unwrap();
        let (seated, mut seats) = unbounded_channel();
        for _ in 0..4 {
            let seated = seated.clone();
            workers.hand_over(|seat| async move {
                let _ = seated.send(seat);
            });
        }
        let mut kept = Vec::new();
        for _ in 0..4 {
            kept.push(seats.recv().await.unwrap());
        }
        kept.retain(|seat| seat.worker() == 0);
        workers.hand_over(|seat| async move {
            let _ = seated.send(seat);
        });
        assert_eq!(seats.recv().await.unwrap().worker(), 1);
    }
}
