//! Back-pressure of the real program: a client that does not read costs no memory, and loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::rig::{Config, Endpoint, Frame, Opcode, Program, Wire, within};
use tokio::time::{Instant, sleep};

/// What the endpoint has for its client.
const ALL: u64 = 1 << 30;
/// In messages of so many bytes, header included.
const MESSAGE: u64 = 64 * 1024;

fn config(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
        .with("route.chat.websocket.stall_timeout", "\"1h\"")
        .with("route.chat.websocket.ping_every", "\"off\"")
        .with("route.chat.websocket.closing_timeout", "\"1min\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_costs_no_memory_and_loses_nothing() {
    let endpoint = Endpoint::listen().await;
    let program = Program::serving(&config(&endpoint)).await;
    warm_up(&program, &endpoint).await;
    let before = program.resident();

    let (mut client, at_endpoint) = program.tunnel(&endpoint).await;
    let taken = Arc::new(AtomicU64::new(0));
    let pushing = tokio::spawn(push(at_endpoint, ALL, Arc::clone(&taken)));
    let stuck = come_to_rest(&taken).await;
    let grown = program.resident().saturating_sub(before);

    assert!(stuck < ALL / 4, "the endpoint is held back, after {stuck} bytes");
    assert!(grown < 256 * 1024, "{grown} bytes more");

    for _ in 0..ALL / MESSAGE {
        read_message(&mut client).await;
    }
    let mut at_endpoint = within("the endpoint is through", pushing).await.unwrap();
    let grown = program.resident().saturating_sub(before);
    // Pages of the program that reading on was the first to need count too, and what the allocator gives back only later.
    assert!(grown < 1024 * 1024, "{grown} bytes more after the gigabyte");
    client.send(Frame::text("got it").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("got it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_in_the_middle_of_a_gigabyte_reads_its_1009() {
    let endpoint = Endpoint::listen().await;
    let mut program = Program::serving(&config(&endpoint)).await;
    let (mut client, at_endpoint) = program.tunnel(&endpoint).await;
    let endpoint_reads = tokio::spawn(read_until_close(at_endpoint));
    let fragment = vec![0; MESSAGE as usize];

    // The first fragments are within the limit of 64 MiB; the client goes on whatever it is told, as one that does not look.
    let first = Frame { fin: false, opcode: Opcode::Binary, payload: fragment.clone() };
    let next = Frame { fin: false, opcode: Opcode::Continuation, payload: fragment };
    let bytes = next.by_client();
    client.send(first.by_client()).await;
    for _ in 1..ALL / MESSAGE / 4 {
        client.send(&bytes).await;
    }

    let close = client.frame().await;
    assert_eq!(close.close_code(), Some(1009), "{close:?}");
    client.send(close.by_client()).await;
    assert_eq!(client.rest().await, b"");
    drop(client);
    let (passed, told) = within("the endpoint reads its end", endpoint_reads).await.unwrap();
    assert!(passed <= 64 << 20, "{passed} bytes");
    assert_eq!(told, Some(1001));
    let ended = program.logs("\"tunnel ended\"").await;
    assert!(ended.contains("\"code\":1009") && ended.contains("\"client_left\":\"clean\""), "{ended}");
}

/// Reads until it is told good-bye, and answers that. Says how many bytes there were, and which code.
async fn read_until_close(mut at_endpoint: Wire) -> (u64, Option<u16>) {
    let mut passed = 0;
    loop {
        let frame = at_endpoint.frame().await;
        if frame.opcode == Opcode::Close {
            at_endpoint.send(frame.by_endpoint()).await;
            at_endpoint.finish().await;
            return (passed, frame.close_code());
        }
        passed += frame.payload.len() as u64;
    }
}

/// A tunnel on each worker that does in small what the test does in large: code that runs for the first time takes memory too.
async fn warm_up(program: &Program, endpoint: &Endpoint) {
    const SOME: u64 = ALL / 32;
    let mut tunnels = Vec::new();
    for _ in 0..std::thread::available_parallelism().unwrap().get() {
        tunnels.push(program.tunnel(endpoint).await);
    }
    for (mut client, at_endpoint) in tunnels {
        let taken = Arc::new(AtomicU64::new(0));
        let pushing = tokio::spawn(push(at_endpoint, SOME, Arc::clone(&taken)));
        come_to_rest(&taken).await;
        for _ in 0..SOME / MESSAGE {
            read_message(&mut client).await;
        }
        let mut at_endpoint = pushing.await.unwrap();
        client.send(Frame::close(1000, "").by_client()).await;
        let close = at_endpoint.frame().await;
        at_endpoint.send(close.by_endpoint()).await;
        drop(at_endpoint);
        client.frame().await;
        client.rest().await;
    }
}

fn message() -> Vec<u8> {
    let header = Frame::new(Opcode::Binary, "").header(MESSAGE, 0).len() as u64;
    Frame::new(Opcode::Binary, vec![0xa5; (MESSAGE - header) as usize]).by_endpoint()
}

async fn push(mut at_endpoint: Wire, bytes: u64, taken: Arc<AtomicU64>) -> Wire {
    let message = message();
    for _ in 0..bytes / MESSAGE {
        at_endpoint.send_patiently(&message).await;
        taken.fetch_add(MESSAGE, Ordering::Relaxed);
    }
    at_endpoint
}

async fn read_message(client: &mut Wire) {
    let frame = client.frame().await;
    assert_eq!((frame.opcode, frame.payload.last()), (Opcode::Binary, Some(&0xa5)));
}

/// Waits until the number has stayed the same for a while: nothing announces that nothing happens any more.
async fn come_to_rest(number: &AtomicU64) -> u64 {
    const WHILE: Duration = Duration::from_millis(500);
    let (mut last, mut since) = (0, Instant::now());
    while last == 0 || since.elapsed() < WHILE {
        let now = number.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        sleep(Duration::from_millis(5)).await;
    }
    last
}
