//! 500 reloads over 1,000 tunnels that talk: none is closed, no message is lost, and no memory stays with the old
//! configurations. `WINDLASS_RELOADS` and `WINDLASS_TUNNELS` ask for more.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Signal;
use tokio::sync::watch;
use windlass::process::raise_descriptor_limit;

use crate::rig::{Config, Endpoint, Frame, Handshake, NotifySocket, Program, Wire, until};

const TUNNELS: usize = 1_000;
const RELOADS: u64 = 500;
/// Reloads after which nothing is new to the process any more.
const WARM: u64 = 50;
/// Messages that pass between one reload and the next, at the least.
const EACH: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_reloads_lose_no_message_of_a_thousand_tunnels() {
    let (tunnels, reloads) = (asked_for("WINDLASS_TUNNELS", TUNNELS), asked_for("WINDLASS_RELOADS", RELOADS));
    assert!(raise_descriptor_limit().now > 4 * tunnels as u64, "too few descriptors for this test");
    let (endpoint, unrelated) = (Arc::new(Endpoint::listen().await), Endpoint::listen().await);
    let config = Config::chat([endpoint.address()]).with("route.chat.path", "\"/chat\"").with("log.level", "\"warn\"");
    let notify = NotifySocket::bind();
    // Log level "warn" from the second configuration on: its first lines say where it listens.
    let program = Program::notifying(&config.clone().with("log.level", "\"info\""), &notify).await;
    assert_eq!(notify.heard().await, "READY=1\nSTATUS=serving");

    let (next_round, rounds) = watch::channel(0);
    let exchanged = Arc::new(AtomicU64::new(0));
    let echoing = tokio::spawn(echo(Arc::clone(&endpoint)));
    let mut clients = Vec::new();
    for name in 0..tunnels {
        let mut client = program.connect().await;
        client.send(Handshake::new().bytes()).await;
        assert_eq!(client.head().await.status(), 101);
        clients.push(tokio::spawn(count_up(client, name, rounds.clone(), Arc::clone(&exchanged))));
    }

    let mut generation = 1;
    let mut warm = 0;
    for number in 0..reloads {
        let before = exchanged.load(Ordering::Relaxed);
        let changed = match number % 4 {
            0 => config.clone().endpoints("other", [unrelated.address()]),
            2 => config.clone().with("route.other.path", "\"/other\"").with("route.other.upstream", "\"chat\""),
            // The same again.
            _ => current(&config, number, &unrelated),
        };
        generation += u64::from(number % 2 == 0);
        program.write(&changed);
        // The messages of this round are on their way while it reloads.
        next_round.send_modify(|round| *round += 1);
        program.signal(Signal::HUP);
        assert!(notify.heard().await.starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(notify.heard().await, format!("READY=1\nSTATUS=serving generation {generation}"));
        if number == WARM {
            warm = program.resident();
        }
        // Not one reload in silence.
        until("messages pass between two reloads", || exchanged.load(Ordering::Relaxed) >= before + EACH).await;
    }

    let end = program.resident();
    println!("{reloads} reloads, {tunnels} tunnels: {warm} bytes resident after {WARM}, {end} at the end");
    assert!(end <= warm + warm / 20, "{warm} bytes after {WARM} reloads, {end} at the end");
    drop(next_round);
    let mut messages = 0;
    for client in clients {
        messages += client.await.unwrap();
    }
    assert!(messages >= reloads * EACH, "{messages} messages");
    echoing.abort();
}

#[expect(clippy::disallowed_methods, reason = "how much a person asks of a test is part of its environment")]
fn asked_for<T: FromStr>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What the reload before this one left.
fn current(config: &Config, number: u64, unrelated: &Endpoint) -> Config {
    match number % 4 {
        1 => config.clone().endpoints("other", [unrelated.address()]),
        _ => config.clone().with("route.other.path", "\"/other\"").with("route.other.upstream", "\"chat\""),
    }
}

/// Says a number every fourth round and reads it back, for as long as there are rounds; then closes cleanly. Says how many
/// there were.
async fn count_up(mut client: Wire, name: usize, mut rounds: watch::Receiver<usize>, exchanged: Arc<AtomicU64>) -> u64 {
    let mut number = 0;
    while rounds.changed().await.is_ok() {
        let round = *rounds.borrow_and_update();
        if (name + round).is_multiple_of(4) {
            let message = Frame::text(&format!("{name}: {number}"));
            client.send(message.by_client()).await;
            assert_eq!(client.frame().await, message);
            number += 1;
            exchanged.fetch_add(1, Ordering::Relaxed);
        }
    }
    client.send(Frame::close(1000, "").by_client()).await;
    assert_eq!(client.frame().await.close_code(), Some(1000));
    number
}

async fn echo(endpoint: Arc<Endpoint>) {
    loop {
        let mut tunnel = endpoint.grant().await;
        tokio::spawn(async move {
            loop {
                let frame = tunnel.frame().await;
                tunnel.send(frame.by_endpoint()).await;
                if frame.close_code().is_some() {
                    break;
                }
            }
        });
    }
}
