//! The process as a whole: start, reload, hand over, stop.
//!
//! What can fail (read, parse, bind) fails before anything is published; what is published is whole. Nothing in here is on
//! the way of a request.

mod acme;
mod admin_listener;
mod certificate_watch;
mod commands;
mod config_source;
mod control;
mod demo_steering;
mod discovery;
mod down_endpoints;
mod drains;
mod environment;
mod error;
mod handoff;
mod listeners;
mod loaded;
mod log_orders;
mod logging;
mod operator;
mod page_address;
mod plan;
mod port_shortages;
mod reload;
mod revoke;
mod run;
mod run_demo;
mod running;
#[cfg(test)]
mod simulation;
mod socket_folder;
mod start;
mod step;
mod stop;
mod unlogged;
mod usual_socket;
mod watch;
mod watchdog;

pub use admin_listener::AdminError;
pub use config_source::ConfigSource;
pub use environment::Environment;
pub use error::{DemoError, InheritanceError, RunError, StartError};
#[cfg(feature = "fuzzing")]
pub use handoff::take_in_anything;
pub use handoff::{HandoffError, Successor};
pub use listeners::BindError;
pub use loaded::Loaded;
pub use logging::{Log, LogEnvironment, LogError, LogPlaceError, init_logging};
pub use operator::{DrainStarted, UnknownTarget};
pub use page_address::page_address;
pub use plan::Plan;
pub use reload::{ReloadError, Reloaded};
pub use run::run;
pub use run_demo::run_demo;
pub use running::Running;
pub use stop::Stopped;
pub use unlogged::Failed;
pub use usual_socket::UsualSocket;
