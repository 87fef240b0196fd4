//! A stop of many tunnels: each client reads its Close at a frame boundary, no sooner than the cap allows, and who
//! does not answer does not keep the process. `WINDLASS_TUNNELS` and `WINDLASS_DEAF` ask for more.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::watch;
use tokio::time::Instant;
use windlass::process::raise_descriptor_limit;

use crate::rig::{Config, Endpoint, Frame, Handshake, Opcode, Program, Wire};

const TUNNELS: usize = 400;
/// Clients that never answer.
const DEAF: usize = 20;
/// Over how many seconds the cap stretches the telling.
const SECONDS: usize = 4;
const DEADLINE: Duration = Duration::from_secs(12);
/// One tunnel in so many is in the middle of a message of this size when the stop comes.
const BUSY: usize = 10;
const LARGE: usize = 256 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_many_tunnels_tells_each_within_the_cap_and_ends_on_time() {
    let (tunnels, deaf) = (asked_for("WINDLASS_TUNNELS", TUNNELS), asked_for("WINDLASS_DEAF", DEAF));
    assert!(raise_descriptor_limit().now > 3 * tunnels as u64, "too few descriptors for this test");
    let cap = tunnels / SECONDS;
    let endpoint = Arc::new(Endpoint::listen().await);
    let config = Config::chat([endpoint.address()])
        .with("log.level", "\"warn\"")
        .with("drain.max_per_second", &cap.to_string())
        .with("drain.stop.spread", "\"1ms\"")
        .with("drain.stop.deadline", &format!("\"{}s\"", DEADLINE.as_secs()));
    let mut program = Program::serving(&config.clone().with("log.level", "\"info\"")).await;

    let (stop, stopping) = watch::channel(());
    let mut clients = Vec::new();
    let mut ends = Vec::new();
    for number in 0..tunnels {
        let mut client = program.connect().await;
        client.send(Handshake::new().bytes()).await;
        let mut end = endpoint.grant().await;
        assert_eq!(client.head().await.status(), 101);
        if number % BUSY == 0 {
            let large = Frame::new(Opcode::Binary, vec![7; LARGE]).by_endpoint();
            let (now, later) = large.split_at(LARGE / 2);
            end.send(now).await;
            ends.push(tokio::spawn(finish(end, later.to_vec(), stopping.clone())));
        } else {
            ends.push(tokio::spawn(finish(end, Vec::new(), stopping.clone())));
        }
        clients.push(tokio::spawn(listen(client, number < deaf)));
    }

    let started = Instant::now();
    program.signal(Signal::TERM);
    stop.send_replace(());
    let mut told: Vec<Duration> = Vec::new();
    for client in clients {
        told.push(client.await.unwrap() - started);
    }
    assert_eq!(program.exit().await.code(), Some(0));
    let took = started.elapsed();

    told.sort();
    let mut seconds = vec![0; told.last().unwrap().as_secs() as usize + 1];
    told.iter().for_each(|at| seconds[at.as_secs() as usize] += 1);
    println!("{tunnels} tunnels, {deaf} deaf, cap {cap}: told by second {seconds:?}, ended after {took:?}");
    // Nobody is told before the cap lets it; on a busy machine somebody may be told later. `drain::Pace` is exact.
    assert!(*told.last().unwrap() > Duration::from_secs(SECONDS as u64) - Duration::from_millis(500), "{told:?}");
    // The deaf ones have closing_timeout after they were told; the deadline comes later.
    assert!(took < 2 * DEADLINE, "{took:?}");
    ends.iter().for_each(|end| end.abort());
}

/// Reads to the Close, which must stand between two whole frames, and answers it. Says when it came.
async fn listen(mut client: Wire, is_deaf: bool) -> Instant {
    loop {
        let frame = client.frame().await;
        if frame.opcode == Opcode::Binary {
            assert_eq!(frame.payload.len(), LARGE);
            continue;
        }
        assert_eq!(frame.close_code(), Some(1012));
        let at = Instant::now();
        if is_deaf {
            // Keeps its connection, and says nothing, until it is cut.
            let _ = client.rest().await;
        } else {
            client.send(frame.by_client()).await;
        }
        return at;
    }
}

/// Sends what is left of the large message once the stop is under way, and answers the Close.
async fn finish(mut end: Wire, later: Vec<u8>, mut stopping: watch::Receiver<()>) {
    if !later.is_empty() {
        stopping.changed().await.unwrap();
        end.send(later).await;
    }
    let close = end.frame().await;
    end.send(close.by_endpoint()).await;
    end.finish().await;
}

#[expect(clippy::disallowed_methods, reason = "how much a person asks of a test is part of its environment")]
fn asked_for<T: FromStr>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
