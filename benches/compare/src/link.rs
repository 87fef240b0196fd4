//! One TCP connection, with or without TLS on it: takes what there is, sends what it is given.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::Connection;

/// One connection.
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    pub(crate) tls: Option<Box<Connection>>,
    /// What the socket did not take at once.
    waiting: Vec<u8>,
    taken: usize,
}

/// What all links read into.
pub(crate) struct Scratch {
    wire: Box<[u8]>,
    plain: Box<[u8]>,
}

/// How far to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nothing has come that was not read.
    Empty,
    /// The other end has finished.
    End,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { wire: vec![0; 256 << 10].into(), plain: vec![0; 64 << 10].into() }
    }
}

impl Link {
    pub(crate) fn new(stream: TcpStream, tls: Option<Box<Connection>>) -> Self {
        Self { stream, tls, waiting: Vec::new(), taken: 0 }
    }

    /// Shows everything that has come to `each`; false once the other end has finished.
    pub(crate) fn receive(
        &mut self,
        scratch: &mut Scratch,
        until: Until,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        loop {
            let count = match self.stream.read(&mut scratch.wire) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            let mut wire = &scratch.wire[..count];
            match &mut self.tls {
                None => each(wire),
                Some(tls) => {
                    while !wire.is_empty() {
                        tls.read_tls(&mut wire)?;
                        tls.process_new_packets().map_err(io::Error::other)?;
                        loop {
                            match tls.reader().read(&mut scratch.plain) {
                                Ok(0) => return Ok(false),
                                Ok(count) => each(&scratch.plain[..count]),
                                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                                Err(error) => return Err(error),
                            }
                        }
                    }
                }
            }
            // A short read has emptied the socket (epoll(7)), but for its end.
            if until == Until::Empty && count < scratch.wire.len() {
                return Ok(true);
            }
        }
    }

    /// Sends `bytes` behind everything that waits.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            return self.flush();
        }
        let taken = if self.waiting.is_empty() { written(self.stream.write(bytes))? } else { 0 };
        self.waiting.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                if written(tls.write_tls(&mut self.stream))? == 0 {
                    break;
                }
            }
        }
        while self.taken < self.waiting.len() {
            match written(self.stream.write(&self.waiting[self.taken..]))? {
                0 => return Ok(()),
                count => self.taken += count,
            }
        }
        if !self.waiting.is_empty() {
            self.waiting = Vec::new();
            self.taken = 0;
        }
        Ok(())
    }

    /// Whether everything is sent.
    pub(crate) fn is_flushed(&self) -> bool {
        self.waiting.is_empty() && self.tls.as_ref().is_none_or(|tls| !tls.wants_write())
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush()?;
        }
        self.stream.shutdown(Shutdown::Write)
    }
}

/// Nothing is written where the socket would block.
fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
