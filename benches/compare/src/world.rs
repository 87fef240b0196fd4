//! Every client and every endpoint's connection, in one thread and one epoll: fewer wake-ups than two processes on one core
//! would need, so that the proxy is what limits.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::client::{Client, Happened, Target};
use crate::endpoint::Endpoint;
use crate::link::{Scratch, Until};

/// Everything that has a socket.
pub(crate) struct World {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    endpoints: Slab<Endpoint>,
    clients: Slab<Client>,
    scratch: Scratch,
    out: Vec<u8>,
}

/// Something happened to a client.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) client: usize,
    pub(crate) what: Happened,
    pub(crate) at: Instant,
}

const LISTENER: Token = Token(usize::MAX - 1);
/// What runs longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

impl World {
    pub(crate) fn new(endpoint: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(endpoint)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            listener,
            endpoints: Slab::new(),
            clients: Slab::new(),
            scratch: Scratch::new(),
            out: Vec::new(),
        })
    }

    /// Starts a client.
    pub(crate) fn connect(&mut self, target: &Target) -> io::Result<usize> {
        let mut client = Client::connect(target)?;
        let key = self.clients.vacant_key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut client.link.stream, Token(key * 2), interest)?;
        Ok(self.clients.insert(client))
    }

    /// Sends `bytes` as a client.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8]) -> io::Result<()> {
        self.clients[client].link.send(bytes)
    }

    /// Begins the closing handshake of a client.
    pub(crate) fn close(&mut self, client: usize) -> io::Result<()> {
        self.clients[client].close()
    }

    /// Forgets a client; what it was.
    pub(crate) fn drop_client(&mut self, client: usize) -> Client {
        self.clients.remove(client)
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
                LISTENER => accept(&self.listener, &self.poll, &mut self.endpoints)?,
                Token(token) if token % 2 == 0 => {
                    let Some(client) = self.clients.get_mut(token / 2) else { continue };
                    let tell = |what| happened.push(Event { client: token / 2, what, at: Instant::now() });
                    client.on_ready(&mut self.scratch, until, tell)?;
                }
                Token(token) => {
                    let Some(endpoint) = self.endpoints.get_mut(token / 2) else { continue };
                    // A proxy may reset what it is done with.
                    if !endpoint.on_ready(&mut self.scratch, until, &mut self.out).unwrap_or(false) {
                        self.endpoints.remove(token / 2);
                    }
                }
            }
        }
        Ok(())
    }
}

fn accept(listener: &TcpListener, poll: &Poll, endpoints: &mut Slab<Endpoint>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let token = Token(endpoints.vacant_key() * 2 + 1);
                poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                endpoints.insert(Endpoint::new(stream));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
