//! What the tests of the whole proxy are written with: a proxy with a configuration, endpoints and clients that speak in
//! bytes, and waiting that fails instead of hanging.
//!
//! Every port is chosen by the system, and every wait is for a condition.

mod authority;
mod cable;
mod command;
mod config;
mod endpoint;
mod folder;
mod frame;
mod handshake;
mod head;
pub(crate) mod log;
mod namespace;
mod notify;
mod program;
mod proxy;
mod serving;
mod trust;
mod tunnel;
mod wait;
mod wire;

pub(crate) use authority::Authority;
pub(crate) use cable::Cable;
pub(crate) use command::{PROGRAM, command, kill, output, signal};
pub(crate) use config::Config;
pub(crate) use endpoint::{Endpoint, Full};
pub(crate) use folder::Folder;
pub(crate) use frame::{Frame, Opcode};
pub(crate) use handshake::{ACCEPT, Handshake, SWITCH, switch_with};
pub(crate) use head::Head;
pub(crate) use namespace::Namespace;
pub(crate) use notify::{Note, NotifySocket};
pub(crate) use program::{Program, resident};
pub(crate) use proxy::Proxy;
pub(crate) use serving::ServingEndpoint;
pub(crate) use trust::trusting;
pub(crate) use tunnel::assert_carries;
pub(crate) use wait::{PATIENCE, is_met, until, until_async, within};
pub(crate) use wire::Wire;
