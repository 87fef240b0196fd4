//! What the tests of the whole proxy are written with: a proxy with a configuration, endpoints and clients that speak in
//! bytes, and waiting that fails instead of hanging.
//!
//! Every port is chosen by the system, and every wait is for a condition.

// Each test program is compiled with all of the rig, and judged alone: what one does not need, another does.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test program uses its share")]

mod config;
mod endpoint;
mod frame;
mod handshake;
mod head;
mod program;
mod proxy;
mod wait;
mod wire;

pub use config::Config;
pub use endpoint::{Endpoint, Full};
pub use frame::{Frame, Opcode};
pub use handshake::{ACCEPT, Handshake, SWITCH, switch_with};
pub use head::Head;
pub use program::{NotifySocket, Program};
pub use proxy::Proxy;
pub use wait::{PATIENCE, until, within};
pub use wire::Wire;
