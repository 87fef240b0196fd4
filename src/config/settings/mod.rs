//! The configuration as meant: every default filled in, every text parsed, every reference checked.
//!
//! An `Option` here means that a thing can be off, never "the default". Nothing in this folder knows TOML.

mod admin;
mod drain;
mod file;
mod health;
mod listener;
mod log;
mod named_file;
mod named_files;
mod queue;
mod route;
mod upstream;
mod websocket;

pub use admin::{AdminListen, AdminSettings};
pub use drain::{DrainSettings, DrainWindow, HandoffSettings, OnReload, UnderSupervisor};
pub use file::{Settings, WorkerCount};
pub use health::{EjectSettings, HealthSettings, OnDown, ProbeSettings, WhenAllDown};
pub use listener::{Bind, ClientCertificateSettings, ListenerSettings, TlsSettings};
pub use log::{LogFormat, LogLevel, LogSettings};
pub use named_file::{CertificateFiles, NamedFile};
pub use named_files::NamedFiles;
pub use queue::{HandshakeLimits, QueueSettings, WhenFull};
pub use route::{DotSegments, HostPattern, RouteSettings};
pub use upstream::{AffinitySource, EndpointAddress, EndpointSettings, PinCookie, SameSite, Secure, UpstreamSettings};
pub use websocket::{Compression, Excess, IdleCounts, LimitSettings, Pongs, Rate, WebsocketSettings};
