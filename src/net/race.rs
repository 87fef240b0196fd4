//! Connecting to one of several addresses (RFC 8305 §5): the next attempt begins when the one before has failed, or after a moment
//! without an answer; the first connection wins, and the others are let go.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What came of all attempts.
#[derive(Debug)]
pub(super) struct Race<T> {
    /// The first connection, and with whom.
    pub(super) won: Option<(SocketAddr, T)>,
    /// Who has failed, and why.
    pub(super) failed: Vec<(SocketAddr, io::Error)>,
    /// Who had not answered by then, the first first.
    pub(super) unanswered: Vec<SocketAddr>,
    /// How many were not asked any more.
    pub(super) not_tried: usize,
}

/// When which attempt begins.
#[derive(Debug)]
struct Schedule {
    delay: Duration,
    /// When the next one begins at the latest.
    next: Instant,
}

/// Connects to one of `addresses`, the first first, all within `deadline`.
pub(super) async fn race<T, F>(
    addresses: &[SocketAddr],
    deadline: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> Race<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut schedule = Schedule::new(addresses.len(), Instant::now(), deadline);
    let mut waiting = addresses.iter();
    let mut running: Vec<(SocketAddr, Pin<Box<F>>)> = Vec::new();
    let mut failed = Vec::new();
    let mut won = None;
    while won.is_none() {
        if running.is_empty() || schedule.next <= Instant::now() {
            match waiting.next() {
                Some(address) => {
                    schedule.note_begun(Instant::now());
                    running.push((*address, Box::pin(connect(*address))));
                }
                None if running.is_empty() => break,
                None => {}
            }
        }
        let is_more = waiting.len() > 0;
        tokio::select! {
            biased;
            (address, ended) = next_ended(&mut running) => match ended {
                Ok(connection) => won = Some((address, connection)),
                Err(error) => {
                    failed.push((address, error));
                    schedule.note_failed(Instant::now());
                }
            },
            () = sleep_until(deadline) => break,
            () = sleep_until(schedule.next), if is_more => {}
        }
    }
    let unanswered = running.into_iter().map(|(address, _)| address).collect();
    Race { won, failed, unanswered, not_tried: waiting.len() }
}

/// The next attempt that ends.
async fn next_ended<T, F>(running: &mut Vec<(SocketAddr, Pin<Box<F>>)>) -> (SocketAddr, io::Result<T>)
where
    F: Future<Output = io::Result<T>>,
{
    poll_fn(|cx| {
        for (index, (address, attempt)) in running.iter_mut().enumerate() {
            if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
                let address = *address;
                drop(running.remove(index));
                return Poll::Ready((address, ended));
            }
        }
        Poll::Pending
    })
    .await
}

impl Schedule {
    /// For so many attempts until a deadline: each has its turn before that, however many swallow packets.
    fn new(attempts: usize, now: Instant, deadline: Instant) -> Self {
        let turns = u32::try_from(attempts).unwrap_or(u32::MAX).saturating_add(1);
        let share = deadline.saturating_duration_since(now) / turns;
        Self { delay: share.clamp(SHORTEST_DELAY, DELAY), next: now }
    }

    fn note_begun(&mut self, now: Instant) {
        self.next = now + self.delay;
    }

    fn note_failed(&mut self, now: Instant) {
        self.next = now;
    }
}

/// Connection Attempt Delay (RFC 8305 §8): an address that swallows packets costs that much.
const DELAY: Duration = Duration::from_millis(250);
/// RFC 8305 §5: never less.
const SHORTEST_DELAY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::ErrorKind;

    use tokio::time::sleep;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How an address behaves.
    #[derive(Clone, Copy)]
    enum Peer {
        Answers(u32),
        Refuses(u32),
        Swallows,
    }
    use Peer::{Answers, Refuses, Swallows};

    /// Who wins, when it was over, and when each attempt began, in milliseconds.
    async fn raced(peers: &[Peer], deadline: u32) -> (Option<usize>, u128, Vec<u128>, Race<()>) {
        let addresses: Vec<_> = (0..peers.len()).map(address).collect();
        let (begun, began) = (Instant::now(), RefCell::new(Vec::new()));
        let raced = race(&addresses, begun + deadline * MS, |to| {
            began.borrow_mut().push(begun.elapsed().as_millis());
            let peer = peers[addresses.iter().position(|it| *it == to).unwrap()];
            async move {
                match peer {
                    Answers(after) => sleep(after * MS).await,
                    Refuses(after) => {
                        sleep(after * MS).await;
                        return Err(ErrorKind::ConnectionRefused.into());
                    }
                    Swallows => std::future::pending().await,
                }
                Ok(())
            }
        })
        .await;
        let winner = raced.won.as_ref().and_then(|(won, ())| addresses.iter().position(|it| it == won));
        (winner, begun.elapsed().as_millis(), began.into_inner(), raced)
    }

    fn address(number: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, u8::try_from(number).unwrap()], 80))
    }

    #[tokio::test(start_paused = true)]
    async fn a_hole_costs_the_next_address_a_quarter_of_a_second() {
        let (winner, took, began, race) = raced(&[Swallows, Answers(5)], 2000).await;
        assert_eq!((winner, took, began), (Some(1), 255, vec![0, 250]));
        assert_eq!(race.unanswered, [address(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_refuses_costs_nothing() {
        let (winner, took, began, race) = raced(&[Refuses(1), Refuses(1), Answers(3), Answers(0)], 2000).await;
        assert_eq!((winner, took, began), (Some(2), 5, vec![0, 1, 2]));
        assert_eq!((race.failed.len(), race.not_tried), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_connection_wins_whichever_attempt_began_first() {
        assert_eq!(raced(&[Answers(600), Answers(400)], 2000).await.0, Some(0));
        assert_eq!(raced(&[Answers(600), Answers(300)], 2000).await.0, Some(1));
        assert_eq!(raced(&[Answers(249), Answers(0)], 2000).await.2, [0], "nobody else is bothered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_while_another_attempt_runs_begins_the_next_at_once() {
        let (winner, _, began, _) = raced(&[Swallows, Refuses(10), Answers(1)], 2000).await;
        assert_eq!((winner, began), (Some(2), vec![0, 250, 260]));
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_has_its_turn_within_the_deadline_however_many_are_holes() {
        let mut peers = [Swallows; 20];
        peers[19] = Answers(1);
        let (winner, took, began, _) = raced(&peers, 2000).await;
        assert_eq!((winner, began.len()), (Some(19), 20));
        assert!(took < 2000, "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_names_who_failed_and_who_did_not_answer() {
        let (winner, took, _, race) = raced(&[Swallows, Refuses(0), Swallows], 700).await;
        assert_eq!((winner, took), (None, 700));
        assert_eq!(race.unanswered, [address(0), address(2)]);
        assert_eq!(race.failed[0].0, address(1));
        let (winner, took, ..) = raced(&[Refuses(1), Refuses(1)], 700).await;
        assert_eq!((winner, took), (None, 2), "nobody is left to wait for");
        assert_eq!(raced(&[], 700).await.1, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_deadline_shortens_the_moments_but_for_a_floor() {
        assert_eq!(raced(&[Swallows, Swallows, Swallows], 200).await.2, [0, 50, 100]);
        assert_eq!(raced(&[Swallows, Swallows, Swallows], 12).await.2, [0, 10]);
    }
}
