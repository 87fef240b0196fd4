//! The configuration as meant: every default filled in, every text parsed, every reference checked.
//!
//! An `Option` here means that a thing can be off, never "the default". Nothing in this folder knows TOML.

mod access;
mod acme;
mod admin;
mod authorize;
mod destination;
mod drain;
mod file;
mod health;
mod hygiene;
mod jwt;
mod listener;
mod log;
mod named_file;
mod named_files;
mod queue;
mod reach;
mod route;
mod rules;
mod source;
mod traces;
mod upstream;
mod websocket;

pub use access::{
    AccessSettings, AdmissionLimits, AuthorizationHeader, BasicAuthSettings, ClientKeySource, ClientSettings,
    OriginPattern, OriginSettings, WithoutOrigin,
};
pub use acme::{AcmeChallenge, AcmeSettings, AcmeStorage, ExternalAccountSettings};
pub use admin::{AdminListen, AdminListenerSettings, AdminSettings, TapLevel};
pub use authorize::{AuthScheme, AuthUrl, AuthorizeSettings, HeaderPattern, RecheckSettings};
pub use destination::{BranchSettings, Destination};
pub use drain::{DrainSettings, DrainWindow, HandoffSettings, HandoffTunnels, OnReload, StopTunnels, UnderSupervisor};
pub use file::{Settings, WorkerCount};
pub use health::{EjectSettings, HealthSettings, OnDown, ProbeSettings, WhenAllDown};
pub use hygiene::{HygieneSettings, UnderscoreHeaders};
pub use jwt::{Endless, JwtKeys, JwtSettings, KeysUrl, TokenPlace, TokenTowardsEndpoint};
pub use listener::{
    Bind, ClientCertificateSettings, ForwardedHeaders, Http2Settings, ListenerSettings, TlsSettings, TlsVersion,
    UnknownNames,
};
pub use log::{
    AccessFormat, AccessLogSettings, LogFormat, LogLevel, LogPlace, LogSettings, LoggedExchanges, SampleRate,
};
pub use named_file::{CertificateFiles, NamedFile};
pub use named_files::NamedFiles;
pub use queue::{HandshakeLimits, QueueSettings, WhenFull};
pub use reach::{
    EndpointAddress, EndpointProtocol, EndpointTlsSettings, HostTowardsEndpoint, ProxyProtocol, RetryBudgetSettings,
    TcpKeepaliveSettings, UnixAddress,
};
pub use route::{DotSegments, ExchangeSettings, HostPattern, OtherSpellings, RouteSettings};
pub use rules::{ErrorPageSettings, RespondBody, RespondSettings, RuleSettings};
pub use source::{MOST_ENDPOINTS, ResolverSettings, SourceKind, SourceSettings, StateFolder};
pub use traces::{FollowedParents, TracesSettings};
pub use upstream::{AffinitySource, EndpointRole, EndpointSettings, PinCookie, SameSite, Secure, UpstreamSettings};
pub use websocket::{Compression, Excess, IdleCounts, LimitSettings, Pongs, Rate, WebsocketSettings};
