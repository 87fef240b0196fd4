//! What the inspector costs: a frame, beyond the read that brought it.
//!
//! `cargo bench --bench inspector`. Each figure is for one scan of [`FRAMES`] frames (of one frame for 64 KiB and more): the
//! payload is not looked at, so its size matters only to what the caller has read.

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use windlass::websocket::{
    DeflateParameters, Direction, Extensions, InflateMeter, Inspector, MeterScratch, Rules, Strictness, Then,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Frames in one scan.
const FRAMES: usize = 64;

const SIZES: [usize; 6] = [0, 64, 125, 1 << 10, 16 << 10, 1 << 20];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn from_client(bencher: Bencher<'_, '_>, size: usize) {
    scan(bencher, Direction::FromClient, size);
}

#[divan::bench(args = SIZES)]
fn from_upstream(bencher: Bencher<'_, '_>, size: usize) {
    scan(bencher, Direction::FromUpstream, size);
}

/// A single frame: what a message costs that comes alone.
#[divan::bench(args = [125, 1 << 20])]
fn alone(bencher: Bencher<'_, '_>, size: usize) {
    let stream = frame(Direction::FromClient, 0x82, size);
    bencher.counter(ItemsCount::new(100usize)).with_inputs(|| inspector(Direction::FromClient)).bench_local_refs(
        |inspector| {
            for _ in 0..100 {
                black_box(&inspector.scan(black_box(&stream), u64::MAX));
            }
        },
    );
}

/// Control frames are unmasked and reported one at a time.
#[divan::bench]
fn pings(bencher: Bencher<'_, '_>) {
    let stream = frame(Direction::FromClient, 0x89, 8).repeat(FRAMES);
    bencher.counter(ItemsCount::new(FRAMES)).with_inputs(|| inspector(Direction::FromClient)).bench_local_refs(
        |inspector| {
            let mut rest = black_box(stream.as_slice());
            while let Then::Control(control) = inspector.scan(rest, u64::MAX).then {
                rest = rest.get(control.size..).unwrap_or_default();
            }
        },
    );
}

/// What an idle tunnel keeps on a route with `max_inflated_message`: see the allocations of this one.
#[divan::bench]
fn meter_state(bencher: Bencher<'_, '_>) {
    let mut scratch = MeterScratch::new();
    let parameters = DeflateParameters::default();
    let hello = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    bencher.bench_local(|| {
        let mut meter = Box::new(InflateMeter::new(Direction::FromUpstream, &parameters, u64::MAX));
        let mut inspector = deflate_inspector(parameters);
        inspector.scan_observed(&hello, u64::MAX, &mut meter.observe(&mut scratch, 1 << 16));
        meter
    });
}

fn scan(bencher: Bencher<'_, '_>, direction: Direction, size: usize) {
    let frames = if size < 64 << 10 { FRAMES } else { 1 };
    let stream = frame(direction, 0x82, size).repeat(frames);
    bencher
        .counter(ItemsCount::new(frames))
        .with_inputs(|| inspector(direction))
        .bench_local_refs(|inspector| inspector.scan(black_box(&stream), u64::MAX));
}

/// An inspector with every limit on.
fn inspector(direction: Direction) -> Inspector {
    Inspector::new(Rules {
        direction,
        extensions: Extensions::Deflate(DeflateParameters::default()),
        max_frame: 16 << 20,
        max_message: 64 << 20,
        max_fragments: 1_000,
        strictness: Strictness::Strict,
    })
}

fn deflate_inspector(parameters: DeflateParameters) -> Inspector {
    let off = u64::MAX;
    Inspector::new(Rules {
        direction: Direction::FromUpstream,
        extensions: Extensions::Deflate(parameters),
        max_frame: off,
        max_message: off,
        max_fragments: off,
        strictness: Strictness::Strict,
    })
}

fn frame(direction: Direction, first: u8, size: usize) -> Vec<u8> {
    let masked = if direction == Direction::FromClient { 0x80 } else { 0 };
    let mut frame = vec![first];
    match (u8::try_from(size), u16::try_from(size)) {
        (Ok(size @ 0..=125), _) => frame.push(masked | size),
        (_, Ok(size)) => {
            frame.push(masked | 126);
            frame.extend(size.to_be_bytes());
        }
        _ => {
            frame.push(masked | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    if direction == Direction::FromClient {
        frame.extend([0x37, 0xFA, 0x21, 0x3D]);
    }
    frame.resize(frame.len() + size, 0x2A);
    frame
}
