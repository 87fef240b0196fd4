//! Tunnels that are in the middle of something when they move: of a message, between its fragments, of the header of a frame.

use super::site::{Ends, Site, Way};
use crate::rig::{Frame, Opcode};

/// A message of 256 KiB.
fn long() -> Frame {
    let payload: Vec<_> = (0..256 * 1024u32).map(|index| (index ^ (index >> 8)) as u8).collect();
    Frame::new(Opcode::Binary, payload)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_long_message_each_way() {
    let mut site = Site::started(&[]).await;
    let mut tunnels = site.open_all().await;
    let (there, back) = (long().by_client(), long().by_endpoint());
    for third in 0..3 {
        let part = |bytes: &[u8]| bytes.chunks(bytes.len().div_ceil(3)).nth(third).unwrap().to_vec();
        for Ends { client, endpoint } in &mut tunnels {
            client.send(part(&there)).await;
            endpoint.send(part(&back)).await;
        }
        if third < 2 {
            site.hand_over().await;
        }
    }
    for ends in &mut tunnels {
        assert!(ends.endpoint.frame().await == long() && ends.client.frame().await == long());
        ends.assert_carry().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_the_fragments_of_a_message_each_way() {
    let mut site = Site::started(&[]).await;
    let mut tunnels = site.open_all().await;
    let fragment = |fin, opcode, text: &str| Frame { fin, opcode, payload: text.into() };
    let frames = [
        fragment(false, Opcode::Text, "first "),
        // Half a letter.
        Frame { fin: false, opcode: Opcode::Continuation, payload: vec![0xc3] },
        Frame::new(Opcode::Ping, "in between"),
        Frame { fin: true, opcode: Opcode::Continuation, payload: vec![0xa4] },
    ];
    for frame in &frames {
        for Ends { client, endpoint } in &mut tunnels {
            client.send(frame.by_client()).await;
            endpoint.send(frame.by_endpoint()).await;
            assert_eq!((&endpoint.frame().await, &client.frame().await), (frame, frame));
        }
        site.hand_over().await;
    }
    for ends in &mut tunnels {
        ends.assert_carry().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_each_byte_of_a_header_each_way() {
    let mut site = Site::started(&[]).await;
    let frame = Frame::new(Opcode::Binary, vec![7; 70_000]);
    let (there, back) = (frame.by_client(), frame.by_endpoint());
    // Two bytes, a length of eight, and a mask.
    let mut tunnels = Vec::new();
    for cut in 1..=14 {
        for way in [Way::Plain, Way::TlsTwice] {
            let Ends { mut client, mut endpoint } = site.open(way).await;
            client.send(&there[..cut]).await;
            endpoint.send(&back[..cut.min(10)]).await;
            tunnels.push((cut, client, endpoint));
        }
    }
    site.hand_over().await;
    site.hand_over().await;
    for (cut, client, endpoint) in &mut tunnels {
        client.send(&there[*cut..]).await;
        endpoint.send(&back[(*cut).min(10)..]).await;
        assert!(endpoint.frame().await == frame && client.frame().await == frame, "cut at {cut}");
    }
}
