//! Compressed messages: passed untouched, metered where a route asks for it.

use flate2::{Compress, Compression, FlushCompress};

use super::frames::*;
use super::scene::Scene;
use crate::tunnel::{Ending, Protocol, SideOutcome};
use crate::websocket::{DeflateParameters, Extensions, Side, Violation};

const MAX: u64 = 1 << 20;

fn metered(from: Side) -> Scene {
    let mut scene = Scene::new().limit(from, |limits| limits.max_inflated_message = Some(MAX));
    scene.protocol = Protocol::Websocket(Extensions::Deflate(DeflateParameters::default()));
    scene
}

/// A compressed message of so many bytes; with context takeover it refers to the ones before it.
fn compressed(compress: &mut Compress, size: usize) -> Frame {
    let message = vec![b'x'; size];
    let mut payload = Vec::with_capacity(size + 1024);
    compress.compress_vec(&message, &mut payload, FlushCompress::Sync).unwrap();
    assert!(payload.ends_with(&[0, 0, 0xFF, 0xFF]));
    payload.truncate(payload.len() - 4);
    Frame { first: 0xC2, payload }
}

fn compress() -> Compress {
    Compress::new(Compression::default(), false)
}

#[tokio::test(start_paused = true)]
async fn messages_within_the_limit_pass_untouched() {
    for from in [Side::Client, Side::Upstream] {
        let mut tunnel = metered(from).open();
        let compress = &mut compress();
        let frames: Vec<_> = [10, 100_000, MAX as usize, 1].map(|size| compressed(compress, size)).into();
        tunnel.peer(from).moves_at_most(37);
        for frame in &frames {
            tunnel.peer(from).says(frame.clone());
        }
        tunnel.settle();
        assert_eq!(tunnel.peer(from.other()).reads(), frames);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_stopped_and_whoever_sent_it_is_told() {
    for from in [Side::Client, Side::Upstream] {
        let mut tunnel = metered(from).open();
        let bomb = compressed(&mut compress(), 16 << 20);
        tunnel.peer(from).says(text("fine"));
        tunnel.peer(from).says(bomb.clone());
        tunnel.peer(from).says(close(1009, ""));
        tunnel.settle();
        assert_eq!(
            tunnel.peer(from).reads(),
            [close(1009, "a message is larger than 1048576 bytes when decompressed")]
        );
        assert_eq!(tunnel.peer(from.other()).reads(), [text("fine")]);
        let part = tunnel.peer(from.other()).reads_bytes().len();
        assert!(part > 0 && part < bomb.payload.len() / 8, "{part} of {} bytes passed", bomb.payload.len());
        assert!(tunnel.peer(from.other()).has_fin());
        tunnel.client.finishes();
        tunnel.upstream.finishes();
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::Violated { by: from, violation: Violation::InflatedTooBig(MAX) });
        assert_eq!(outcome.sides[from.other()], SideOutcome::InsideFrame);
        assert_eq!(outcome.sides[from], SideOutcome::Clean, "its Close behind the bomb is found");
    }
}

#[tokio::test(start_paused = true)]
async fn inflating_leaves_the_other_tunnels_their_turn() {
    let mut tunnel = metered(Side::Client).open();
    let compress = &mut compress();
    let frames: Vec<_> = (0..16).map(|_| compressed(compress, MAX as usize)).collect();
    for frame in &frames {
        tunnel.client.says(frame.clone());
        tunnel.client.says(ping("between"));
    }
    let mut polls = 0;
    while tunnel.step() {
        polls += 1;
    }
    // 16 MiB come out of one read of some 20 KiB.
    assert!(polls >= 16, "{polls} polls");
    assert_eq!(tunnel.upstream.reads().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_compressed_counts_as_it_is() {
    for extensions in [Extensions::None, Extensions::Deflate(DeflateParameters::default())] {
        let mut scene = metered(Side::Client);
        scene.protocol = Protocol::Websocket(extensions);
        let mut tunnel = scene.open();
        tunnel.client.says(binary(MAX as usize));
        tunnel.client.says(binary(MAX as usize + 1));
        tunnel.settle();
        assert_eq!(tunnel.client.reads()[0].close_code(), Some(1009));
        assert_eq!(tunnel.upstream.reads()[0], binary(MAX as usize));
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_reads_1007() {
    let mut tunnel = metered(Side::Client).open();
    tunnel.client.says(Frame { first: 0xC2, payload: vec![0xFF; 10] });
    tunnel.settle();
    assert_eq!(tunnel.client.reads()[0].close_code(), Some(1007));
}
