//! The configuration: from a TOML file to [`Settings`], or to every problem it has.
//!
//! Three shapes, one function each: the file as written, the settings as meant, and (elsewhere) the snapshot as
//! running. This folder reads files, and nothing else from the world.

mod access_syntax;
mod acme_syntax;
mod address_syntax;
mod authorize_syntax;
mod convert;
mod defaults;
mod dot_segments;
mod duplicate_keys;
mod endpoint_syntax;
mod endpoint_text;
mod files;
mod foreign;
mod foreign_in_tables;
mod formats;
mod jwt_syntax;
mod lists;
mod load;
mod name_syntax;
mod names;
mod not_compared;
mod origin_syntax;
mod paths;
mod positions;
mod problem;
mod quoted;
mod read;
mod rule_syntax;
mod rule_tables;
mod schema;
mod settings;
mod suggest;
mod syntax;
mod table_schema;
mod tree;
mod units;
mod warning;
mod written;

pub use authorize_syntax::is_of_one_message;
pub use convert::{parse_admin_listen, parse_log_level};
pub use dot_segments::has_dot_segments;
pub use endpoint_text::parse_endpoint;
pub use files::{FileError, MOST_BYTES, mode_open_to_others, read_file};
pub use load::{Reading, load, load_admin, parse, read};
pub use name_syntax::parse_host_pattern;
pub use names::{EndpointName, ListenerName, RouteName, UpstreamName};
pub use not_compared::NotCompared;
pub use problem::{Position, Problem, Problems, SourceLocation};
pub use quoted::quoted;
pub use schema::known_keys;
pub use settings::{
    AccessFormat, AccessLogSettings, AccessSettings, AcmeChallenge, AcmeSettings, AcmeStorage, AdminListen,
    AdminListenerSettings, AdminSettings, AdmissionLimits, AffinitySource, AuthScheme, AuthUrl, AuthorizationHeader,
    AuthorizeSettings, BasicAuthSettings, Bind, BranchSettings, CertificateFiles, ClientCertificateSettings,
    ClientKeySource, ClientSettings, Compression, Destination, DotSegments, DrainSettings, DrainWindow, EjectSettings,
    Endless, EndpointAddress, EndpointProtocol, EndpointRole, EndpointSettings, EndpointTlsSettings, ErrorPageSettings,
    Excess, ExchangeSettings, ExternalAccountSettings, FollowedParents, ForwardedHeaders, HandoffSettings,
    HandoffTunnels, HandshakeLimits, HeaderPattern, HealthSettings, HostPattern, HostTowardsEndpoint, Http2Settings,
    HygieneSettings, IdleCounts, JwtKeys, JwtSettings, KeysUrl, LimitSettings, ListenerSettings, LogFormat, LogLevel,
    LogPlace, LogSettings, LoggedExchanges, MOST_ENDPOINTS, NamedFile, NamedFiles, OnDown, OnReload, OriginPattern,
    OriginSettings, OtherSpellings, PinCookie, Pongs, ProbeSettings, ProxyProtocol, QueueSettings, Rate,
    RecheckSettings, ResolverSettings, RespondBody, RespondSettings, RetryBudgetSettings, RouteSettings, RuleSettings,
    SameSite, SampleRate, Secure, Settings, SourceKind, SourceSettings, StateFolder, StopTunnels, TapLevel,
    TcpKeepaliveSettings, TlsSettings, TlsVersion, TokenPlace, TokenTowardsEndpoint, TracesSettings, UnderSupervisor,
    UnderscoreHeaders, UnixAddress, UnknownNames, UpstreamSettings, WebsocketSettings, WhenAllDown, WhenFull,
    WithoutOrigin, WorkerCount,
};
pub use syntax::SyntaxError;
pub use units::{counted, parse_duration, write_duration};
pub use warning::{Warning, Warnings};
pub use written::Written;
