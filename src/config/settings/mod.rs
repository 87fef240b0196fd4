//! The configuration as meant: every default filled in, every text parsed, every reference checked.
//!
//! An `Option` here means that a thing can be off, never "the default". Nothing in this folder knows TOML.

mod admin;
mod drain;
mod file;
mod listener;
mod log;
mod route;
mod upstream;
mod websocket;

pub use admin::{AdminListen, AdminSettings};
pub use drain::{DrainSettings, DrainWindow, HandoffSettings, OnReload, UnderSupervisor};
pub use file::{Settings, WorkerCount};
pub use listener::{Bind, CertificateFiles, ListenerSettings, TlsSettings};
pub use log::{LogFormat, LogLevel, LogSettings};
pub use route::{DotSegments, HostPattern, RouteSettings};
pub use upstream::{AffinitySource, EndpointAddress, EndpointSettings, UpstreamSettings};
pub use websocket::{Compression, Excess, IdleCounts, LimitSettings, Pongs, Rate, WebsocketSettings};
