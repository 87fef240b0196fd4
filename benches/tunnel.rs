//! What a WebSocket tunnel costs beyond a raw one: CPU for the same bytes, over loopback TCP.
//!
//! `cargo bench --bench tunnel`. Both carry messages of 64 B and their answers, under a route's default settings; only the thread
//! of the tunnels is measured, in rounds that take turns, since the machine is never the same for long.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a program to be read")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use windlass::config::{WebsocketSettings, parse};
use windlass::drain::{Incarnation, Member, Registry};
use windlass::net::Stream;
use windlass::tunnel::{Protocol, Streams, Tunnel, TunnelParameters};
use windlass::websocket::Extensions;

/// The payload of a message.
const PAYLOAD: usize = 64;
const ROUNDS: usize = 101;
/// Messages of a round, both ways counted.
const MESSAGES: usize = 8_000;

/// Who is busy in a round.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    tunnels: usize,
    /// Messages that are sent at once, before the answers are read.
    burst: usize,
}

const LOADS: [Load; 3] = [
    Load { name: "one tunnel, one message at a time", tunnels: 1, burst: 1 },
    Load { name: "32 tunnels, one message at a time", tunnels: 32, burst: 1 },
    Load { name: "one tunnel, 32 messages at a time", tunnels: 1, burst: 32 },
];

const WEBSOCKET: Protocol = Protocol::Websocket(Extensions::None);

fn main() {
    let parameters = |protocol| TunnelParameters { settings: settings(), protocol };
    println!("CPU of the tunnels' thread for a message of {PAYLOAD} B: quartiles of {ROUNDS} rounds");
    for load in LOADS {
        let (mut raw, mut websocket, mut ratios) = (vec![], vec![], vec![]);
        for round in 0..ROUNDS {
            let mut protocols = [Protocol::Raw, WEBSOCKET];
            if round % 2 == 1 {
                protocols.reverse();
            }
            let mut costs = protocols.map(|protocol| carry(&parameters(protocol), load));
            if round % 2 == 1 {
                costs.reverse();
            }
            let [of_raw, of_websocket] = costs.map(|cost| cost.as_nanos() as f64 / MESSAGES as f64);
            raw.push(of_raw);
            websocket.push(of_websocket);
            ratios.push(of_websocket / of_raw);
        }
        println!("{}", load.name);
        println!("  raw        {} ns", quartiles(raw, 0));
        println!("  websocket  {} ns", quartiles(websocket, 0));
        println!("  ratio      {}", quartiles(ratios, 4));
    }
}

/// What the tunnels' thread uses to carry a round's messages, half of them each way.
fn carry(parameters: &TunnelParameters, load: Load) -> Duration {
    let (clients, from_clients) = connections(load.tunnels);
    let (endpoints, to_endpoints) = connections(load.tunnels);
    let exchanges = MESSAGES / 2 / load.tunnels / load.burst;
    let (from_client, from_endpoint) = (message(0x80).repeat(load.burst), message(0).repeat(load.burst));
    let (heard_by_endpoint, heard_by_client) = (from_client.len(), from_endpoint.len());
    let ends = [
        thread::spawn(move || converse(clients, &from_client, heard_by_client, exchanges, true)),
        thread::spawn(move || converse(endpoints, &from_endpoint, heard_by_endpoint, exchanges, false)),
    ];
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let cost = runtime.block_on(async {
        let registry = Registry::new(1);
        let mut tunnels = JoinSet::new();
        for (client, upstream) in from_clients.into_iter().zip(to_endpoints) {
            let (client, upstream) = (Stream::Plain(to_tokio(client).into()), to_tokio(upstream));
            let streams = Streams { client, upstream, client_early: vec![], upstream_early: vec![], answer: vec![] };
            tunnels.spawn(Tunnel::new(
                streams,
                parameters.clone(),
                registry.register(0, member(), Ipv4Addr::LOCALHOST.into()),
            ));
        }
        let before = used();
        while tunnels.join_next().await.is_some() {}
        used() - before
    });
    for end in ends {
        end.join().unwrap();
    }
    cost
}

/// One end of every tunnel: says its part and hears the other's, again and again.
fn converse(mut streams: Vec<TcpStream>, part: &[u8], others: usize, exchanges: usize, begins: bool) {
    let mut heard = vec![0; others];
    for _ in 0..exchanges {
        if begins {
            streams.iter_mut().for_each(|stream| stream.write_all(part).unwrap());
        }
        for stream in &mut streams {
            stream.read_exact(&mut heard).unwrap();
            if !begins {
                stream.write_all(part).unwrap();
            }
        }
    }
    if !begins {
        // The clients leave first.
        streams.iter_mut().for_each(|stream| assert_eq!(stream.read(&mut heard).unwrap(), 0));
    }
}

fn settings() -> Arc<WebsocketSettings> {
    let text = "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"127.0.0.1:1\"]";
    let settings = parse(text, Path::new("bench.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    Arc::clone(&settings.routes.values().next().unwrap().websocket)
}

fn member() -> Member {
    Member {
        listener: ("l".into(), Incarnation(1)),
        route: ("r".into(), Incarnation(2)),
        upstream: ("u".into(), Incarnation(3)),
        endpoint: ("a".into(), Incarnation(4)),
    }
}

/// Both ends of so many connections.
fn connections(count: usize) -> (Vec<TcpStream>, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connection = |_| {
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        one.set_nodelay(true).unwrap();
        other.set_nodelay(true).unwrap();
        (one, other)
    };
    (0..count).map(connection).unzip()
}

fn to_tokio(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

/// A message in one frame; `mask` is the mask bit.
fn message(mask: u8) -> Vec<u8> {
    let mut message = vec![0x82, mask | PAYLOAD as u8];
    if mask != 0 {
        message.extend([0x37, 0xFA, 0x21, 0x3D]);
    }
    message.resize(message.len() + PAYLOAD, 0x2A);
    message
}

/// The CPU time of this thread.
fn used() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn quartiles(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let [low, median, high] = [1, 2, 3].map(|quarter| values[values.len() * quarter / 4]);
    format!("{median:.digits$} ({low:.digits$} – {high:.digits$})")
}
