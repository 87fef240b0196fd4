//! One HTTP/2 connection with its socket, and the clients on it.

use std::io;

use crate::client::{Happened, Target, tls_for};
use crate::http2::Http2;
use crate::link::{Link, Scratch, Until};
use mio::net::TcpStream;

/// One connection.
pub(crate) struct Shared {
    pub(crate) link: Link,
    http2: Http2,
    out: Vec<u8>,
}

impl Shared {
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        let http2 = Http2::new(target.purpose, &target.path);
        let mut out = Vec::new();
        http2.preface(&mut out);
        Ok(Self { link: Link::new(stream, tls_for(target)?), http2, out })
    }

    /// How many clients it carries.
    pub(crate) fn clients(&self) -> usize {
        self.http2.clients()
    }

    /// Does something with the protocol's state, and sends what that has to say.
    pub(crate) fn with<R>(&mut self, act: impl FnOnce(&mut Http2, &mut Vec<u8>) -> R) -> io::Result<R> {
        let done = act(&mut self.http2, &mut self.out);
        self.flush()?;
        Ok(done)
    }

    /// Handles what has come, and tells what happened to whom; false once the connection is over.
    pub(crate) fn on_ready(
        &mut self,
        scratch: &mut Scratch,
        until: Until,
        mut tell: impl FnMut(usize, Happened),
    ) -> io::Result<bool> {
        if self.link.stream.peer_addr().is_err() {
            return Ok(true);
        }
        let Self { link, http2, out } = self;
        let open = link.receive(scratch, until, |bytes| http2.on_bytes(bytes, out, &mut tell))?;
        self.flush()?;
        Ok(open)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.link.stream.peer_addr().is_err() {
            return Ok(());
        }
        if !self.out.is_empty() {
            self.link.send(&self.out)?;
            self.out.clear();
        }
        self.link.flush()
    }
}
