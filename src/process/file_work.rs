//! Work on files, away from the thread that answers signals and operators: a mount that hangs holds up nothing but the work.
//!
//! A thread that waits for such a mount cannot be called back. It is left behind, and there are only so many.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};

/// How long work on files may take. Configurations and keys are small, and lie on this machine.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How many threads may be at it, those that were left behind included: a plan of a file that hangs leaves room for a reload.
const THREADS: usize = 4;

/// Where work on files is done.
#[derive(Clone, Debug)]
pub struct FileWork {
    threads: Arc<Semaphore>,
}

/// Work that was begun; it goes on when this is dropped, and nobody hears of it.
#[derive(Debug)]
pub struct FileTask<T> {
    task: JoinHandle<T>,
    until: Instant,
}

/// Why nothing came of it.
#[derive(Debug, Error)]
pub enum FileWorkError {
    /// It was not done in time.
    #[error("could not be read within {} seconds", READ_WITHIN.as_secs())]
    TooLong,
    /// Every thread is at work that does not end.
    #[error("is not read: {THREADS} readings before it still wait for a file")]
    EveryThread,
    /// It panicked, which is a bug.
    #[error("cannot be read: {0}")]
    Panicked(#[source] JoinError),
}

impl FileWork {
    /// Begins some work on a thread of its own.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<FileTask<T>, FileWorkError> {
        let thread = Arc::clone(&self.threads).try_acquire_owned().map_err(|_| FileWorkError::EveryThread)?;
        #[expect(clippy::disallowed_methods, reason = "this is the control thread's runtime, not a worker's")]
        let task = tokio::task::spawn_blocking(move || {
            let _thread = thread;
            work()
        });
        Ok(FileTask { task, until: Instant::now() + READ_WITHIN })
    }
}

impl Default for FileWork {
    fn default() -> Self {
        Self { threads: Arc::new(Semaphore::new(THREADS)) }
    }
}

impl<T> FileTask<T> {
    /// Waits until it is done, but not for ever. Not to be called again after it has said what came of it.
    ///
    /// Cancel safe: what was not returned is returned by the next call.
    pub async fn done(&mut self) -> Result<T, FileWorkError> {
        match timeout_at(self.until, &mut self.task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => Err(FileWorkError::Panicked(panic)),
            Err(_) => Err(FileWorkError::TooLong),
        }
    }
}

impl FileWorkError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong => "look whether a mount hangs that it, or a certificate that it names, lies on",
            Self::EveryThread => "look which mount hangs; a restart lets go of what waits for it",
            Self::Panicked(_) => "please report this",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Work that is over when the sender is gone.
    fn stuck() -> (Sender<()>, impl FnOnce() + Send) {
        let (sender, receiver) = channel::<()>();
        let work = move || {
            let _ = receiver.recv();
        };
        (sender, work)
    }

    #[tokio::test]
    async fn work_that_hangs_is_left_behind_and_there_is_only_so_much_of_it() {
        let files = FileWork::default();
        let mut holds = Vec::new();
        for _ in 0..THREADS {
            let (hold, work) = stuck();
            let mut begun = files.begin(work).unwrap();
            begun.until = Instant::now();
            assert!(matches!(begun.done().await, Err(FileWorkError::TooLong)));
            holds.push(hold);
        }
        assert!(matches!(files.begin(|| ()), Err(FileWorkError::EveryThread)));

        holds.pop();

        let freed = Arc::clone(&files.threads).acquire_owned().await;
        drop(freed);
        assert_eq!(files.begin(|| 7).unwrap().done().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn who_stops_waiting_may_wait_again() {
        let (hold, work) = stuck();
        let mut begun = FileWork::default().begin(work).unwrap();
        tokio::select! {
            biased;
            done = begun.done() => panic!("{done:?}"),
            () = async {} => {}
        }
        drop(hold);
        assert!(begun.done().await.is_ok());
    }

    #[tokio::test]
    async fn a_bug_is_told() {
        let panicked = FileWork::default().begin(|| panic!("oh")).unwrap().done().await;
        assert!(panicked.unwrap_err().to_string().contains("oh"));
    }
}
