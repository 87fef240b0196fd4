//! Why the process does not start, or ends with a failure.

use std::{error, fmt, io};

use super::admin_listener::AdminError;
use super::listeners::BindError;
use super::logging::LogError;
use crate::config::Problems;

/// Why the process ends with a failure.
#[derive(Debug)]
pub enum RunError {
    /// The configuration is wrong.
    Config(Problems),
    /// The environment is wrong.
    Log(LogError),
    /// It could not start.
    Start(StartError),
    /// The demo could not start.
    Demo(String),
    /// The system refuses a signal handler.
    Signals(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => problems.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Demo(error) => f.write_str(error),
            Self::Signals(error) => write!(f, "cannot listen for signals: {error}"),
        }
    }
}

impl error::Error for RunError {}

/// Why there is no running proxy.
#[derive(Debug)]
pub enum StartError {
    /// The configuration, or a file that it names, is wrong.
    Config(Problems),
    /// Addresses cannot be bound.
    Bind(Vec<BindError>),
    /// What systemd or the process before promised is not there.
    Inheritance(String),
    /// The admin listener cannot be opened.
    Admin(AdminError),
    /// The system refuses what everybody gets: a thread, an epoll descriptor, random numbers.
    System(String),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => problems.fmt(f),
            Self::Bind(errors) => write_all(f, errors),
            Self::Inheritance(error) => write!(f, "cannot take what was passed on: {error}"),
            Self::Admin(error) => error.fmt(f),
            Self::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl error::Error for StartError {}

/// Writes errors, a line each.
pub(super) fn write_all(f: &mut fmt::Formatter<'_>, errors: &[BindError]) -> fmt::Result {
    for (index, error) in errors.iter().enumerate() {
        write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
    }
    Ok(())
}
