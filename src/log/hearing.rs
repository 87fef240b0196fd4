//! For tests, which run beside each other: one subscriber hears what its thread says.

use std::sync::LazyLock;

use tracing::subscriber::{NoSubscriber, with_default};
use tracing::{Dispatch, Subscriber};

/// As long as there is only one subscriber, `tracing` asks that of whichever thread says something first whether it is to be said at
/// all, and believes it for all threads: where that thread has none, nobody hears it again. So there is always another.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Does what is given; `subscriber` hears what this thread says meanwhile.
pub(crate) fn hearing<T>(subscriber: impl Subscriber + Send + Sync + 'static, given: impl FnOnce() -> T) -> T {
    LazyLock::force(&ANOTHER);
    with_default(subscriber, given)
}
