//! Does a piece of work so many times, to have its instructions counted: `counted WORK TIMES`. `benches/guard` is the way in.
//!
//! The difference between two runs is the work alone: what sets it up cancels out.

mod workloads;

use std::env;
use std::hint::black_box;

use windlass::websocket::{Direction, Extensions, Inspector, Rules};
use workloads::{Echoing, Picking, frame};

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let [_, work, times, ..] = arguments.as_slice() else { return };
    // `cargo bench` runs every bench with a flag of its own.
    let Ok(times) = times.parse::<u32>() else { return };
    match work.as_str() {
        "inspector" => repeat(times, Scanning::new(64, 125), Scanning::read),
        "pick" => repeat(times, Picking::new(30), Picking::client),
        "pump" => repeat(times, Echoing::new(125), Echoing::echo),
        other => panic!("there is no work called {other}"),
    }
}

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
        };
        Self { inspector: Inspector::new(rules), read: frame(Direction::FromClient, size).repeat(frames) }
    }

    /// Scans one read.
    fn read(&mut self) -> usize {
        self.inspector.scan(&self.read, u64::MAX).passed
    }
}
