//! For tests, which run beside each other: one subscriber hears what its thread says.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::subscriber::{NoSubscriber, with_default};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::SubscriberExt;

use super::layer::Lines;
use super::output::Output;
use super::sink::Sink;
use super::style::{Shape, Style};

/// As long as there is only one subscriber, `tracing` asks that of whichever thread says something first whether it is to be said at
/// all, and believes it for all threads: where that thread has none, nobody hears it again. So there is always another.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Does what is given; `subscriber` hears what this thread says meanwhile.
pub(crate) fn hearing<T>(subscriber: impl Subscriber + Send + Sync + 'static, given: impl FnOnce() -> T) -> T {
    LazyLock::force(&ANOTHER);
    with_default(subscriber, given)
}

/// The lines that come out of the log where that is done.
pub(super) fn said(shape: Shape, given: impl FnOnce()) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let output = Output::Stream(Box::new(std::fs::File::create(&path).unwrap()));
    let sink = Arc::new(ArcSwap::from_pointee(Sink::start(Style { shape, pid: 7 }, output).unwrap()));
    hearing(tracing_subscriber::registry().with(Lines::new(Arc::clone(&sink))), given);
    assert!(sink.load().queue().flush(Duration::from_secs(20)));
    std::fs::read_to_string(path).unwrap()
}
