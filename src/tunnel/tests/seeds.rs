//! Simulations from seeds, and from what a fuzzer found.
//!
//! `WINDLASS_SIMULATIONS=100000` runs more of them, `WINDLASS_SEED=7` the one that failed.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::choices::Choices;
use super::frozen::carry_on_anything;
use super::simulation::{Manners, Simulation, simulate};

#[tokio::test(start_paused = true)]
async fn whatever_peers_do_is_survived() {
    for seed in seeds(1000) {
        let _said = SayOnPanic(format!("WINDLASS_SEED={seed}"));
        fastrand::seed(seed);
        Simulation::new(Choices::from_seed(seed), Manners::Wild).run().await;
    }
}

#[tokio::test(start_paused = true)]
async fn everything_arrives_between_polite_peers() {
    for seed in seeds(500) {
        let _said = SayOnPanic(format!("WINDLASS_SEED={seed}"));
        fastrand::seed(seed);
        Simulation::new(Choices::from_seed(seed), Manners::Polite).run().await;
    }
}

/// What both ends see, and when, is what they would have seen of a tunnel that nobody has moved.
#[tokio::test(start_paused = true)]
async fn a_tunnel_that_is_carried_over_is_what_it_would_have_been() {
    for seed in seeds(1000) {
        let _said = SayOnPanic(format!("WINDLASS_SEED={seed}"));
        let manners = if seed % 2 == 0 { Manners::Wild } else { Manners::Polite };
        let simulation = || {
            fastrand::seed(seed);
            Simulation::new(Choices::from_seed(seed), manners)
        };
        let unmoved = simulation().run().await;
        let moved = simulation().carried_over(fastrand::Rng::with_seed(seed)).run().await;
        moved.assert_is(&unmoved);
    }
}

/// The kept inputs of the two fuzz targets that play tunnels.
#[test]
fn what_a_fuzzer_found_stays_found() {
    for (target, play) in [("tunnel", simulate as fn(&[u8])), ("frozen_tunnel", carry_on_anything)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let _said = SayOnPanic(path.display().to_string());
            play(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count >= 3, "{count} inputs of {target}");
    }
}

#[expect(clippy::disallowed_methods, reason = "how long to test is up to who tests")]
pub(crate) fn seeds(default: u64) -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    match number("WINDLASS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WINDLASS_SIMULATIONS").unwrap_or(default),
    }
}

/// Says which one it was, where it fails.
pub(crate) struct SayOnPanic(pub(crate) String);

impl Drop for SayOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it was {}", self.0);
        }
    }
}
