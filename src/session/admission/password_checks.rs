//! Where passwords are compared: on threads of their own, which give way to everything else, so that no tunnel waits for it.
//!
//! Equal credentials that come at once are compared once. There are few threads, which end when nothing waits, and only so many
//! credentials may wait: whoever comes then is told to come back. What nobody waits for any more is not compared.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::access::{BasicCredentials, CredentialKey, Passwords};

/// Who compares passwords.
#[derive(Clone, Debug)]
pub struct PasswordChecks {
    state: Arc<Mutex<State>>,
    threads: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Check>,
    /// Who wants to know, of each that waits or is compared.
    asking: HashMap<CredentialKey, Vec<oneshot::Sender<bool>>>,
    threads: usize,
}

/// What is to be compared.
#[derive(Debug)]
struct Check {
    key: CredentialKey,
    passwords: Arc<Passwords>,
    credentials: BasicCredentials,
}

/// As many wait as may, or for too long, or there is no thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many passwords wait to be compared")]
pub(super) struct TooManyWait;

/// How many credentials may wait: with one thread and 50 ms for each the last waits for three seconds.
const MOST_WAITING: usize = 64;

/// How long anybody waits: on a machine that is this busy it is better told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much a thread gives way, as nice(1) counts.
const NICENESS: i32 = 10;

impl PasswordChecks {
    /// Half as many threads as there are workers, at least one.
    pub fn new(workers: usize) -> Self {
        Self { state: Arc::default(), threads: workers.div_ceil(2).max(1) }
    }

    /// Whether the credentials are right.
    ///
    /// # Errors
    /// Too many wait already, or no thread had time for it in [`PATIENCE`].
    pub(super) async fn check(
        &self,
        passwords: &Arc<Passwords>,
        credentials: BasicCredentials,
        now: Duration,
    ) -> Result<bool, TooManyWait> {
        let key = passwords.key_of(&credentials);
        if passwords.are_verified(&key, now) {
            return Ok(true);
        }
        let (asking, answer) = oneshot::channel();
        self.ask(Check { key, passwords: Arc::clone(passwords), credentials }, asking)?;
        // Who gives up has the comparison left out, if it has not begun.
        let answered = timeout(PATIENCE, answer).await.map_err(|_| TooManyWait)?;
        let is_right = answered.map_err(|_| TooManyWait)?;
        if is_right {
            passwords.note_verified(key, now);
        }
        Ok(is_right)
    }

    /// How many credentials wait until a thread has time for them.
    pub fn waiting(&self) -> usize {
        self.locked().waiting.len()
    }

    fn ask(&self, check: Check, asking: oneshot::Sender<bool>) -> Result<(), TooManyWait> {
        let mut state = self.locked();
        if let Some(others) = state.asking.get_mut(&check.key) {
            others.push(asking);
            return Ok(());
        }
        if state.waiting.len() >= MOST_WAITING {
            state.forget_who_is_gone();
        }
        if state.waiting.len() >= MOST_WAITING {
            return Err(TooManyWait);
        }
        state.asking.insert(check.key, vec![asking]);
        state.waiting.push_back(check);
        if state.threads >= self.threads {
            return Ok(());
        }
        let checks = self.clone();
        match thread::Builder::new().name("passwords".into()).spawn(move || checks.work()) {
            Ok(_) => state.threads += 1,
            Err(error) if state.threads == 0 => {
                tracing::warn!(%error, "no thread to compare passwords");
                // Whoever asks reads that nobody will answer.
                *state = State::default();
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// Compares what waits, until nothing does.
    fn work(&self) {
        // Where that is not allowed, the threads compete with the workers, and that is all.
        let _ = rustix::process::nice(NICENESS);
        while let Some(Check { key, passwords, credentials }) = self.next() {
            let is_right = catch_unwind(AssertUnwindSafe(|| passwords.verify(&credentials))).unwrap_or(false);
            let asking = self.locked().asking.remove(&key);
            // Who has gone meanwhile does not want to know.
            for asking in asking.into_iter().flatten() {
                let _ = asking.send(is_right);
            }
        }
    }

    /// What is compared next. A thread that gets none is no more.
    fn next(&self) -> Option<Check> {
        let mut state = self.locked();
        state.forget_who_is_gone();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.threads -= 1;
        }
        next
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What nobody wants to know any more is not compared.
    fn forget_who_is_gone(&mut self) {
        let Self { waiting, asking, .. } = self;
        waiting.retain(|check| {
            let is_asked = asking.get(&check.key).is_some_and(|asking| !asking.iter().all(oneshot::Sender::is_closed));
            if !is_asked {
                asking.remove(&check.key);
            }
            is_asked
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use zeroize::Zeroizing;

    use super::*;
    use crate::access::PasswordFile;

    const ADA: &str = "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\n";

    fn passwords() -> Arc<Passwords> {
        Arc::new(Passwords::new(PasswordFile::parse(ADA.as_bytes()).unwrap()))
    }

    fn credentials(password: &str) -> BasicCredentials {
        BasicCredentials { user: "ada".into(), password: Zeroizing::new(password.as_bytes().to_vec()) }
    }

    /// Ones whose only thread is at work that never ends.
    fn busy() -> PasswordChecks {
        let checks = PasswordChecks::new(1);
        checks.locked().threads = 1;
        checks
    }

    fn ask(checks: &PasswordChecks, passwords: &Arc<Passwords>, password: &str) -> Asked {
        let (asking, answer) = oneshot::channel();
        let credentials = credentials(password);
        let check = Check { key: passwords.key_of(&credentials), passwords: Arc::clone(passwords), credentials };
        checks.ask(check, asking).map(|()| answer)
    }

    type Asked = Result<oneshot::Receiver<bool>, TooManyWait>;

    #[tokio::test]
    async fn who_is_right_is_right_and_known_again() {
        let (checks, passwords, now) = (PasswordChecks::new(1), passwords(), Duration::ZERO);
        assert_eq!(checks.check(&passwords, credentials("wrong"), now).await, Ok(false));
        assert_eq!(checks.check(&passwords, credentials("secret"), now).await, Ok(true));
        let busy = busy();
        assert_eq!(busy.check(&passwords, credentials("secret"), now).await, Ok(true), "without a thread");
    }

    #[tokio::test]
    async fn equal_credentials_are_compared_once_however_many_bring_them() {
        let (checks, passwords) = (busy(), passwords());
        let answers: Vec<_> = (0..100).map(|_| ask(&checks, &passwords, "secret").unwrap()).collect();
        assert_eq!(checks.waiting(), 1);
        checks.work();
        assert!(join_all(answers).await.into_iter().all(|answer| answer == Ok(true)));
        let state = checks.locked();
        assert_eq!((state.asking.len(), state.threads), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_for_ten_seconds_is_told_to_come_back_and_is_not_compared() {
        let (checks, passwords) = (busy(), passwords());
        let begun = tokio::time::Instant::now();
        let told = checks.check(&passwords, credentials("secret"), Duration::ZERO).await;
        assert_eq!((told, begun.elapsed()), (Err(TooManyWait), Duration::from_secs(10)));
        assert!(checks.next().is_none());
        assert_eq!((checks.waiting(), checks.locked().asking.len()), (0, 0));
    }

    #[test]
    fn what_a_client_that_is_gone_has_asked_is_left_out_before_it_is_compared() {
        let (checks, passwords) = (busy(), passwords());
        let gone = ask(&checks, &passwords, "secret").unwrap();
        let mut stays = ask(&checks, &passwords, "wrong").unwrap();
        drop(gone);
        let next = checks.next().unwrap();
        assert_eq!(next.credentials, credentials("wrong"));
        assert_eq!((checks.waiting(), stays.try_recv()), (0, Err(oneshot::error::TryRecvError::Empty)));
    }

    #[test]
    fn only_so_many_wait_and_who_is_gone_makes_room() {
        let (checks, passwords) = (busy(), passwords());
        let mut answers: Vec<_> =
            (0..MOST_WAITING).map(|i| ask(&checks, &passwords, &i.to_string()).unwrap()).collect();
        assert_eq!(ask(&checks, &passwords, "one more").unwrap_err(), TooManyWait);
        assert!(ask(&checks, &passwords, "0").is_ok(), "that one waits already");
        answers.pop();
        let _one_more = ask(&checks, &passwords, "one more").unwrap();
        assert_eq!(checks.waiting(), MOST_WAITING);
        drop(answers);
        checks.locked().forget_who_is_gone();
        assert_eq!(checks.waiting(), 1);
        assert_eq!(checks.locked().asking.len(), 1);
    }
}
