//! Simulations from seeds.
//!
//! `WINDLASS_SIMULATIONS=100000` runs more of them, `WINDLASS_SEED=7` the one that failed.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::lines::Lines;
use super::world::World;
use crate::log::hearing;
use crate::tunnel::tests::seeds::{SayOnPanic, seeds};

/// No simulation lives longer, in its own time.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

#[test]
fn whatever_happens_every_promise_is_kept() {
    for seed in seeds(100) {
        let _said = SayOnPanic(format!("WINDLASS_SEED={seed}"));
        simulate(seed);
    }
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in seeds(10).take(10) {
        let _said = SayOnPanic(format!("WINDLASS_SEED={seed}"));
        let (first, second) = (simulate(seed), simulate(seed));
        if let Some(at) = first.iter().zip(&second).position(|(one, other)| one != other) {
            panic!("they part:\n{}\n{}", first[at], second[at]);
        }
        assert_eq!(first.len(), second.len());
    }
}

/// One simulation, and what has happened in it.
fn simulate(seed: u64) -> Vec<String> {
    fastrand::seed(seed);
    let lines = Lines::default();
    let story = Story(lines.clone());
    panics_of_tasks_count(|| {
        hearing(Registry::default().with(lines.clone()), || {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let world = async { timeout(LONGEST, World::begin(seed, lines.clone()).run()).await };
            runtime.block_on(world).expect("it hangs")
        })
    });
    story.0.texts()
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Tells what has happened, where that ends in a failure.
struct Story(Lines);

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.texts().iter().for_each(|line| println!("{line}"));
        }
    }
}

/// Does what is given, and fails where a task of this thread has panicked meanwhile: the runtime swallows that.
fn panics_of_tasks_count<T>(given: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            before(info);
        }));
    });
    PANICS.with(|panics| panics.set(0));
    let given = given();
    assert_eq!(PANICS.with(Cell::get), 0, "a task has panicked");
    given
}
