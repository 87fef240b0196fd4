//! Pieces of work that are both timed and counted: `benches/*.rs` time them, `counted` counts their instructions.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use windlass::balance::{Affinity, AffinityKey};
use windlass::config::{self, Settings};
use windlass::drain::{Incarnation, Member, Registry};
use windlass::health::Asked;
use windlass::net::TunnelStream;
use windlass::process::Delivery;
use windlass::snapshot::{FileContents, Snapshot, Upstream};
use windlass::tls::TicketKeys;
use windlass::tunnel::{Protocol, Streams, Tunnel, TunnelParameters};
use windlass::websocket::{Direction, Extensions};

/// An upstream, and one client after another.
pub(crate) struct Picking {
    upstream: Arc<Upstream>,
    clients: u32,
}

impl Picking {
    pub(crate) fn new(endpoints: usize) -> Self {
        let snapshot = snapshot(&config_text(1, endpoints));
        let upstream = Arc::clone(snapshot.upstreams().values().next().expect("there is one"));
        Self { upstream, clients: 0 }
    }

    /// Finds the endpoint of the next client; the length of its name, so that nothing is optimised away.
    pub(crate) fn client(&mut self) -> usize {
        self.clients = self.clients.wrapping_add(1);
        let key = AffinityKey::of_address(IpAddr::V4(Ipv4Addr::from_bits(self.clients)));
        self.upstream
            .picks(&Affinity { key: Some(key), pin: None, begins_session: true }, Asked::Upgrade)
            .next()
            .map_or(0, |pick| pick.endpoint.name.as_str().len())
    }
}

/// A tunnel between two streams in memory, and a message that goes through it and back.
pub(crate) struct Echoing {
    runtime: Runtime,
    tunnel: Pin<Box<Tunnel<Memory, Memory>>>,
    client: Rc<Cell<Has>>,
    upstream: Rc<Cell<Has>>,
}

impl Echoing {
    pub(crate) fn new(size: usize, runtime: &mut Builder) -> Self {
        let runtime = runtime.build().expect("a runtime");
        let entered = runtime.enter();
        let (client, upstream) = (Rc::default(), Rc::default());
        let streams = Streams {
            client: Memory { message: frame(Direction::FromClient, size), has: Rc::clone(&client) },
            upstream: Memory { message: frame(Direction::FromUpstream, size), has: Rc::clone(&upstream) },
            client_early: Vec::new(),
            upstream_early: Vec::new(),
            answer: Vec::new(),
        };
        let snapshot = snapshot(&config_text(1, 1));
        let route = snapshot.routes().values().next().expect("there is one");
        let member = Member {
            listener: ("public".into(), Incarnation(1)),
            route: ("route0".into(), Incarnation(2)),
            upstream: ("upstream0".into(), Incarnation(3)),
            endpoint: ("a".into(), Incarnation(4)),
        };
        let registration = Registry::new(1).register(0, member, Ipv4Addr::LOCALHOST.into());
        let parameters = TunnelParameters {
            settings: Arc::clone(&route.settings.websocket),
            protocol: Protocol::Websocket(Extensions::None),
        };
        let tunnel = Box::pin(Tunnel::new(streams, parameters, registration));
        drop(entered);
        let mut echoing = Self { runtime, tunnel, client, upstream };
        echoing.wake();
        echoing
    }

    /// Carries a message to the endpoint, and one back.
    pub(crate) fn echo(&mut self) {
        self.client.set(Has::Message);
        self.wake();
        self.upstream.set(Has::Message);
        self.wake();
    }

    fn wake(&mut self) {
        let _entered = self.runtime.enter();
        let polled = self.tunnel.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "the tunnel has ended");
    }
}

/// What a stream in memory can be read for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Has {
    #[default]
    Nothing,
    Message,
}

/// A stream that brings the same message whenever it is told to, and takes everything.
#[derive(Debug)]
struct Memory {
    message: Vec<u8>,
    has: Rc<Cell<Has>>,
}

impl std::fmt::Debug for Has {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Message { "message" } else { "nothing" })
    }
}

impl TunnelStream for Memory {
    fn delivery(&self) -> Option<Delivery> {
        None
    }
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.has.replace(Has::Nothing) == Has::Nothing {
            return Poll::Pending;
        }
        buffer.put_slice(&self.message);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A configuration with `routes` routes, each to an upstream of its own with `endpoints` endpoints.
pub(crate) fn config_text(routes: usize, endpoints: usize) -> String {
    let mut text = String::from("[listener.public]\nbind = \"127.0.0.1:8080\"\n");
    for route in 0..routes {
        let endpoints: Vec<_> = (0..endpoints)
            .map(|endpoint| (endpoint, Ipv4Addr::from_bits(0x0A00_0000 + (route * endpoints + endpoint) as u32)))
            .map(|(endpoint, address)| format!("{{ name = \"e{endpoint}\", address = \"{address}:8080\" }}"))
            .collect();
        text += &format!(
            "[route.route{route}]\nhosts = [\"{route}.example.com\"]\npath = \"/ws\"\nupstream = \"upstream{route}\"\n\
             [upstream.upstream{route}]\nendpoints = [{}]\n",
            endpoints.join(", ")
        );
    }
    text
}

/// From the text of a configuration to what a request may consult.
pub(crate) fn snapshot(text: &str) -> Snapshot {
    let settings: Settings = config::parse(text, Path::new("bench.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let tickets = TicketKeys::generate().expect("the system has randomness");
    Snapshot::assemble(Arc::new(settings), FileContents::default(), &tickets, None)
}

/// A whole data frame of `size` bytes.
pub(crate) fn frame(direction: Direction, size: usize) -> Vec<u8> {
    let masked = if direction == Direction::FromClient { 0x80 } else { 0 };
    let mut frame = vec![0x82];
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
