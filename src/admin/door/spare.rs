//! Descriptors that are kept for operators: where the process has no other one left, they still get in.
//!
//! What is reserved for the whole process keeps that from happening; but a limit can be lowered while it runs, and a system has
//! one of its own. Who would look then for what is wrong needs an answer more than ever.

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// As many as may be lost to clients, who accept at the same moment, and one more.
const COUNT: usize = 4;

/// Open files that are closed when their descriptors are needed.
#[derive(Debug, Default)]
pub(in crate::admin) struct Spare {
    files: Mutex<Vec<File>>,
}

impl Spare {
    /// Some that are there already.
    pub(in crate::admin) fn filled() -> Self {
        let spare = Self::default();
        spare.refill();
        spare
    }

    /// Gives one up where nobody could be accepted for want of it; whether there was one.
    pub(in crate::admin) fn give_way(&self, error: &io::Error) -> bool {
        let is_shortage = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
        is_shortage && self.files().pop().is_some()
    }

    /// Opens those that were given away, as far as there are descriptors again.
    pub(in crate::admin) fn refill(&self) {
        let mut files = self.files();
        while files.len() < COUNT
            && let Ok(file) = File::open("/dev/null")
        {
            files.push(file);
        }
    }

    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_given_away_one_by_one_and_for_a_shortage_alone() {
        let spare = Spare::filled();
        assert!(!spare.give_way(&Errno::CONNABORTED.into()));
        for shortage in [Errno::MFILE, Errno::NFILE] {
            assert!((0..COUNT).all(|_| spare.give_way(&shortage.into())));
            assert!(!spare.give_way(&shortage.into()));
            spare.refill();
        }
        assert_eq!(spare.files().len(), COUNT);
    }
}
