//! Why the process does not start, or ends with a failure.

use std::{fmt, io};

use thiserror::Error;

use super::admin_listener::AdminError;
use super::listeners::BindError;
use super::logging::LogError;
use crate::config::Problems;
use crate::demo;

/// Why the process ends with a failure.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The environment is wrong.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The demo could not start.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The system refuses a signal handler.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
}

/// Why there is no running proxy.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration, or a file that it names, is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// Addresses cannot be bound.
    #[error("{}", OnePerLine(.0))]
    Bind(Vec<BindError>),
    /// What systemd or the process before promised is not there.
    #[error("cannot take what was passed on: {0}")]
    Inheritance(#[from] InheritanceError),
    /// The admin listener cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The system refuses what everybody gets: a thread, an epoll descriptor.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// There are no random numbers for the keys of TLS session tickets.
    #[error("cannot start: {0}")]
    TicketKeys(#[source] rustls::Error),
}

/// What is wrong with what was passed on to the process.
#[derive(Debug, Error)]
pub enum InheritanceError {
    /// A descriptor that the environment speaks of is not there, or is no such socket.
    #[error(transparent)]
    Descriptor(io::Error),
    /// The process that hands over said nothing, or nothing that makes sense.
    #[error("the process that hands over: {0}")]
    Offer(#[source] io::Error),
    /// The process that hands over did not stop listening.
    #[error("process {pid} did not let go: {error}")]
    NotReleased {
        /// Which one.
        pid: u32,
        /// Why not.
        #[source]
        error: io::Error,
    },
}

/// Why there is no demo.
#[derive(Debug, Error)]
pub enum DemoError {
    /// Its certificate cannot be made.
    #[error(transparent)]
    Certificate(#[from] demo::DemoCertificateError),
    /// Its endpoints cannot listen.
    #[error(transparent)]
    Endpoints(io::Error),
    /// Its ports are taken, or cannot be listened at.
    #[error("{}", OnePerLine(&.0.iter().map(Unavailable).collect::<Vec<_>>()))]
    Ports(Vec<BindError>),
}

/// Errors, a line each.
pub(super) struct OnePerLine<'e, E>(pub(super) &'e [E]);

impl<E: fmt::Display> fmt::Display for OnePerLine<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// A port of the demo: where it is busy, one reads how to choose another.
struct Unavailable<'e>(&'e BindError);

impl fmt::Display for Unavailable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(BindError { listener, bind, error }) = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                f.write_str(&demo::port_taken(listener, bind.address().map_or(0, |address| address.port())))
            }
            _ => self.0.fmt(f),
        }
    }
}
