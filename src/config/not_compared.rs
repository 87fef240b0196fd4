//! What stands beside the settings and is no part of what they mean.

use std::fmt;
use std::ops::Deref;

/// Something that settings carry along, such as where they are written: any two are equal, so that settings that only stand
/// on other lines, or say the same in other words, compare as unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotCompared<T>(pub T);

impl<T> PartialEq for NotCompared<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for NotCompared<T> {}

impl<T> Deref for NotCompared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for NotCompared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
