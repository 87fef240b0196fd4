//! Every client and every endpoint's connection, in one thread and one epoll: fewer wake-ups than two processes on one core
//! would need, so that the proxy is what limits.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rustls::ServerConfig;
use slab::Slab;

use crate::client::{Client, Happened, Target};
use crate::endpoint::Endpoint;
use crate::frames::{CLOSE, Role, frame};
use crate::link::{Scratch, Until};
use crate::shared::Shared;

/// Everything that has a socket.
pub(crate) struct World {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    /// What its connections speak, where that is TLS.
    tls: Option<Arc<ServerConfig>>,
    endpoints: Slab<Endpoint>,
    clients: Slab<Party>,
    shared: Slab<Shared>,
    scratch: Scratch,
    out: Vec<u8>,
}

/// Where a client is.
enum Party {
    Alone(Client),
    /// On this connection, with others.
    On(usize),
}

/// Something happened to a client.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) client: usize,
    pub(crate) what: Happened,
    pub(crate) at: Instant,
}

const LISTENER: Token = Token(usize::MAX - 1);
/// A socket's number is its place among those of its kind, times this, and its kind.
const KINDS: usize = 3;
const ALONE: usize = 0;
const SHARED: usize = 1;
const ENDPOINT: usize = 2;
/// What runs longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

impl World {
    pub(crate) fn new(endpoint: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(endpoint)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            listener,
            tls,
            endpoints: Slab::new(),
            clients: Slab::new(),
            shared: Slab::new(),
            scratch: Scratch::new(),
            out: Vec::new(),
        })
    }

    /// Starts a client.
    pub(crate) fn connect(&mut self, target: &Target) -> io::Result<usize> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Some(streams) = target.streams {
            let key = match self.shared.iter().find(|(_, shared)| shared.clients() < streams) {
                Some((key, _)) => key,
                None => {
                    let mut shared = Shared::connect(target)?;
                    let token = Token(self.shared.vacant_key() * KINDS + SHARED);
                    self.poll.registry().register(&mut shared.link.stream, token, interest)?;
                    self.shared.insert(shared)
                }
            };
            let client = self.clients.insert(Party::On(key));
            self.shared[key].with(|http2, out| http2.add(client, out))?;
            return Ok(client);
        }
        let mut client = Client::connect(target)?;
        let token = Token(self.clients.vacant_key() * KINDS + ALONE);
        self.poll.registry().register(&mut client.link.stream, token, interest)?;
        Ok(self.clients.insert(Party::Alone(client)))
    }

    /// Sends `bytes` through the tunnel of a client.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8]) -> io::Result<()> {
        match &mut self.clients[client] {
            Party::Alone(client) => client.link.send(bytes),
            Party::On(key) => self.shared[*key].with(|http2, out| http2.send(client, bytes, out)),
        }
    }

    /// Asks for the next answer for a client.
    pub(crate) fn ask(&mut self, client: usize) -> io::Result<()> {
        match &mut self.clients[client] {
            Party::Alone(client) => client.ask(),
            Party::On(key) => self.shared[*key].with(|http2, out| http2.ask(client, out)),
        }
    }

    /// Begins the closing handshake of a client.
    pub(crate) fn close(&mut self, client: usize) -> io::Result<()> {
        self.send(client, &frame(Role::Client, CLOSE, 0))
    }

    /// Forgets a client, and its connection if nobody else is on it; whether its session of TLS was resumed.
    pub(crate) fn drop_client(&mut self, client: usize) -> bool {
        match self.clients.remove(client) {
            Party::Alone(client) => client.resumed,
            Party::On(key) => {
                // Who has reset the connection is not told about it.
                let told = self.shared[key].with(|http2, out| http2.remove(client, out));
                if told.is_err() || self.shared[key].clients() == 0 {
                    self.shared.remove(key);
                }
                false
            }
        }
    }

    /// Waits until the proxy has no connection to the endpoint any more.
    pub(crate) fn wait_until_alone(&mut self) -> io::Result<()> {
        let mut happened = Vec::new();
        let begin = Instant::now();
        while !self.endpoints.is_empty() {
            self.turn(Some(Duration::from_millis(20)), &mut happened)?;
            if begin.elapsed() > PATIENCE {
                return Err(io::Error::new(ErrorKind::TimedOut, "the proxy keeps connections"));
            }
        }
        Ok(())
    }

    /// One look at every socket that is ready; `events` gets what happened.
    pub(crate) fn turn(&mut self, wait: Option<Duration>, happened: &mut Vec<Event>) -> io::Result<()> {
        happened.clear();
        match self.poll.poll(&mut self.events, Some(wait.unwrap_or(PATIENCE))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        if wait.is_none() && self.events.is_empty() {
            return Err(io::Error::new(ErrorKind::TimedOut, format!("nothing happened for {PATIENCE:?}")));
        }
        for event in &self.events {
            let until = if event.is_read_closed() { Until::End } else { Until::Empty };
            match event.token() {
                LISTENER => accept(&self.listener, self.tls.as_ref(), &self.poll, &mut self.endpoints)?,
                Token(token) if token % KINDS == ALONE => {
                    let Some(Party::Alone(client)) = self.clients.get_mut(token / KINDS) else { continue };
                    let tell = |what| happened.push(Event { client: token / KINDS, what, at: Instant::now() });
                    client.on_ready(&mut self.scratch, until, tell)?;
                }
                Token(token) if token % KINDS == SHARED => {
                    let Some(shared) = self.shared.get_mut(token / KINDS) else { continue };
                    let tell = |client, what| happened.push(Event { client, what, at: Instant::now() });
                    if !shared.on_ready(&mut self.scratch, until, tell)? {
                        return Err(io::Error::other("the proxy has ended a connection of HTTP/2"));
                    }
                }
                Token(token) => {
                    let Some(endpoint) = self.endpoints.get_mut(token / KINDS) else { continue };
                    // A proxy may reset what it is done with.
                    if !endpoint.on_ready(&mut self.scratch, until, &mut self.out).unwrap_or(false) {
                        self.endpoints.remove(token / KINDS);
                    }
                }
            }
        }
        Ok(())
    }
}

fn accept(
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    poll: &Poll,
    endpoints: &mut Slab<Endpoint>,
) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let token = Token(endpoints.vacant_key() * KINDS + ENDPOINT);
                poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                endpoints.insert(Endpoint::new(stream, tls)?);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
