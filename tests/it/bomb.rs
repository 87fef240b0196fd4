//! A decompression bomb against the real program: stopped before the other side has to unpack it, and free of charge.

use crate::rig::{Config, Endpoint, Frame, Handshake, Opcode, Program, Wire, switch_with};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use windlass::websocket::Side;

/// What the whole bomb inflates to.
const INFLATED: usize = 10 << 30;
/// What one of its blocks inflates to.
const BLOCK: usize = 4 << 20;
/// What a message may inflate to.
const MAX: usize = 16 << 20;
/// More than what `MAX` bytes of zeros are compressed to.
const MAX_COMPRESSED: usize = MAX / 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_bomb_reads_1009_and_the_endpoint_never_gets_it() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint)).await;
    let before = warm_up(&program, &endpoint).await;
    let (mut client, mut at_endpoint) = tunnel(&program, &endpoint).await;

    let most = send_bomb(&mut client, Side::Client, &program).await;

    let close = client.frame().await;
    assert_eq!(close, Frame::close(1009, "a message is larger than 16777216 bytes when decompressed"));
    client.send(close.by_client()).await;
    assert_eq!(client.rest().await, b"");
    // It was in the middle of the frame, where no Close can stand.
    let got = at_endpoint.rest().await.len();
    assert!(got < MAX_COMPRESSED, "the endpoint got {got} bytes of it");
    assert_flat(before, most);
    drop((client, at_endpoint));
    let ended = program.logs("\"code\":1009").await;
    assert!(ended.contains("\"client_left\":\"clean\""), "{ended}");
    assert!(ended.contains("\"upstream_left\":\"inside_frame\""), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_with_a_bomb_reads_1009_and_the_client_never_gets_it() {
    let endpoint = Endpoint::listen().await;
    let program = Program::serving(&config(&endpoint)).await;
    let before = warm_up(&program, &endpoint).await;
    let (mut client, mut at_endpoint) = tunnel(&program, &endpoint).await;

    let most = send_bomb(&mut at_endpoint, Side::Upstream, &program).await;

    let close = at_endpoint.frame().await;
    assert_eq!(close, Frame::close(1009, "a message is larger than 16777216 bytes when decompressed"));
    at_endpoint.send(close.by_endpoint()).await;
    at_endpoint.finish().await;
    assert_eq!(at_endpoint.rest().await, b"");
    let got = client.rest().await.len();
    assert!(got < MAX_COMPRESSED, "the client got {got} bytes of it");
    assert_flat(before, most);
}

fn config(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
        .with("route.chat.websocket.max_inflated_message", "\"16MiB\"")
        .with("route.chat.websocket.closing_timeout", "\"1min\"")
}

/// A tunnel that has agreed on compression.
async fn tunnel(program: &Program, endpoint: &Endpoint) -> (Wire, Wire) {
    let mut client = program.connect().await;
    let offer = Handshake::new().with("sec-websocket-extensions", "permessage-deflate");
    client.send(offer.bytes()).await;
    let (mut at_endpoint, asked) = endpoint.asked().await;
    assert_eq!(asked.value("sec-websocket-extensions"), Some("permessage-deflate"));
    at_endpoint.send(switch_with("sec-websocket-extensions: permessage-deflate\r\n")).await;
    assert_eq!(client.head().await.status(), 101);
    (client, at_endpoint)
}

/// What of the program's memory is resident once a tunnel has carried as much as is allowed both ways, and ended.
async fn warm_up(program: &Program, endpoint: &Endpoint) -> u64 {
    let allowed = block().repeat(MAX / BLOCK);
    for _ in 0..2 {
        carry(program, endpoint, &allowed).await;
    }
    program.resident()
}

/// A tunnel with this message each way.
async fn carry(program: &Program, endpoint: &Endpoint, message: &[u8]) {
    let (mut client, mut at_endpoint) = tunnel(program, endpoint).await;
    client.send([header(Side::Client, message.len()), message.to_vec()].concat()).await;
    assert_eq!(at_endpoint.frame().await.payload, message);
    at_endpoint.send([header(Side::Upstream, message.len()), message.to_vec()].concat()).await;
    assert_eq!(client.frame().await.payload, message);
    client.send(Frame::close(1000, "").by_client()).await;
    let close = at_endpoint.frame().await;
    at_endpoint.send(close.by_endpoint()).await;
    drop(at_endpoint);
    client.frame().await;
    client.rest().await;
}

/// Sends all of the bomb, whatever comes of it, and watches the program's memory meanwhile.
async fn send_bomb(sender: &mut Wire, from: Side, program: &Program) -> u64 {
    let block = block();
    let blocks = INFLATED / BLOCK;
    assert!(block.len() * blocks < 11 << 20, "{} bytes for a block", block.len());
    sender.send(header(from, block.len() * blocks)).await;
    let (some, mut most) = (block.repeat(64), 0);
    for _ in 0..blocks / 64 {
        sender.send(&some).await;
        most = program.resident().max(most);
    }
    most
}

/// A block of deflate that inflates to `BLOCK` zeros, wherever in a stream it stands.
fn block() -> Vec<u8> {
    let (mut block, mut inflated) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK + 1));
    Compress::new(Compression::best(), false).compress_vec(&vec![0; BLOCK], &mut block, FlushCompress::Sync).unwrap();
    Decompress::new(false).decompress_vec(&block, &mut inflated, FlushDecompress::Sync).unwrap();
    assert!(inflated.len() == BLOCK && inflated.iter().all(|&byte| byte == 0));
    block
}

/// The header of a compressed message in one frame; the client's masking key changes nothing.
fn header(from: Side, length: usize) -> Vec<u8> {
    const COMPRESSED: u8 = 0x40;
    let mask = if from == Side::Client { 0x80 } else { 0 };
    let mut header = Frame::new(Opcode::Binary, "").header(length as u64, mask);
    header[0] |= COMPRESSED;
    if from == Side::Client {
        header.extend([0; 4]);
    }
    header
}

fn assert_flat(before: u64, most: u64) {
    let grown = most.saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes more");
}
