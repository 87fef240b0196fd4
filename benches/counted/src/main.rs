//! Does a piece of work so many times, to have its instructions counted: `counted WORK TIMES`. `benches/guard` is the way in.
//!
//! Only what [`repeat`] does is counted: setting up draws on the cryptographic library's randomness, which takes another number
//! of instructions each time. The difference between two runs is the work alone.

#[path = "../../workloads/mod.rs"]
mod workloads;

use std::env;
use std::hint::black_box;

use tokio::runtime::Builder;
use windlass::websocket::{Direction, Extensions, Inspector, Rules, Strictness};
use workloads::{Echoing, Picking, frame};

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let [_, work, times] = arguments.as_slice() else { panic!("counted WORK TIMES") };
    let times = times.parse().expect("TIMES is a number");
    match work.as_str() {
        "inspector" => repeat(times, Scanning::new(64, 125), Scanning::read),
        "pick" => repeat(times, Picking::new(30), Picking::client),
        "pump" => repeat(times, Echoing::new(125, Builder::new_current_thread().enable_time()), Echoing::echo),
        other => panic!("there is no work called {other}"),
    }
}

/// A function of this name is what callgrind is told to count, so it must stay one.
#[inline(never)]
fn repeat<W, R>(times: u32, mut work: W, once: impl Fn(&mut W) -> R) {
    for _ in 0..times {
        black_box(once(black_box(&mut work)));
    }
}

/// One direction with every limit on, and a read full of frames.
struct Scanning {
    inspector: Inspector,
    read: Vec<u8>,
}

impl Scanning {
    /// `frames` frames of `size` bytes from the client in each read.
    fn new(frames: usize, size: usize) -> Self {
        let rules = Rules {
            direction: Direction::FromClient,
            extensions: Extensions::None,
            max_frame: 16 << 20,
            max_message: 64 << 20,
            max_fragments: 1_000,
            strictness: Strictness::Strict,
        };
        Self { inspector: Inspector::new(rules), read: frame(Direction::FromClient, size).repeat(frames) }
    }

    /// Scans one read.
    fn read(&mut self) -> usize {
        self.inspector.scan(&self.read, u64::MAX).passed
    }
}
