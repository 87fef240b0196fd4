//! The default of every key that has one, and what it costs.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::settings::{
    AccessFormat, AcmeChallenge, AcmeStorage, AdminListen, AuthorizationHeader, ClientCertificateSettings,
    ClientKeySource, Compression, DotSegments, EjectSettings, EndpointProtocol, EndpointRole, EndpointTlsSettings,
    Excess, FollowedParents, ForwardedHeaders, HandoffTunnels, HandshakeLimits, HealthSettings, HostTowardsEndpoint,
    IdleCounts, LogFormat, LogLevel, LogPlace, LoggedExchanges, NamedFile, OnDown, OnReload, OtherSpellings, PinCookie,
    Pongs, ProxyProtocol, QueueSettings, Rate, RetryBudgetSettings, SameSite, SampleRate, Secure, StateFolder,
    StopTunnels, TapLevel, TcpKeepaliveSettings, TlsVersion, UnderSupervisor, UnderscoreHeaders, UnknownNames,
    WhenAllDown, WhenFull, WithoutOrigin, WorkerCount,
};
use crate::balance::{LoadFactor, Policy};
use crate::rules::QueryKept;
use crate::websocket::{CloseCode, PerDirection, PerSide, Strictness};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn both<T: Copy>(value: T) -> PerDirection<T> {
    PerDirection { from_client: value, from_upstream: value }
}

/// Only the user that windlass runs as, and root, can reach it.
const ADMIN_SOCKET: &str = "/run/windlass/admin.sock";

/// Takes every core: on a shared machine the neighbours feel it.
pub(super) const WORKERS: WorkerCount = WorkerCount::PerCore;
/// Who changes a file has to say so.
pub(super) const WATCH: bool = false;
/// One line per refusal, exchange and ended tunnel: tens of megabytes an hour on a busy proxy.
pub(super) const LOG_LEVEL: LogLevel = LogLevel::Info;
/// JSON wherever nobody looks on: a journal is no longer pleasant to read by eye.
pub(super) const LOG_FORMAT: LogFormat = LogFormat::Auto;
pub(super) const LOG_PLACE: LogPlace = LogPlace::Stderr;
/// A line more for each tunnel.
pub(super) const LOGS_OPENED: bool = false;
/// A line for each exchange.
pub(super) const LOGGED_EXCHANGES: LoggedExchanges = LoggedExchanges::All;
pub(super) const ACCESS_FORMAT: AccessFormat = AccessFormat::Combined;

/// A few spans for every hundredth request or tunnel.
pub(super) const TRACES_SAMPLE: SampleRate = SampleRate::HUNDREDTH;
/// Strangers have no say in what is traced, and a proxy in front has.
pub(super) const TRACES_PARENT: FollowedParents = FollowedParents::Trusted;

/// Whoever can connect is served.
pub(super) const CLIENT_CERTIFICATES: Option<ClientCertificateSettings> = None;
/// Clients without a certificate are turned away.
pub(super) const CLIENT_CERTIFICATE_REQUIRED: bool = true;
/// What one client has open shares one connection, and what is lost on the line holds up all of it.
pub(super) const HTTP2: bool = true;

pub(super) const HTTP2_WEBSOCKETS: bool = true;
/// Who speaks HTTP/2 in clear is refused.
pub(super) const H2C: bool = false;
/// A client may have so many exchanges and tunnels by one connection, each of which may leave 64 KiB unread with us.
pub(super) const MAX_STREAMS: NonZeroU32 = NonZeroU32::new(256).unwrap();
/// Endpoints know clients by what they say themselves.
pub(super) const CLIENT_CERTIFICATE_HEADERS: bool = false;
/// Clients may speak a version whose handshake everybody can read.
pub(super) const MIN_TLS_VERSION: TlsVersion = TlsVersion::V1_2;
/// Who scans addresses reads the names of the first certificate.
pub(super) const UNKNOWN_NAMES: UnknownNames = UnknownNames::First;
/// A session resumes only with the process that it began with, and with those that take over from it.
pub(super) const TICKET_SECRET: Option<NamedFile> = None;
/// Clients of a storm wait for one another; a tunnel waits for so many steps of a handshake at the most.
pub(super) const TLS_HANDSHAKES_AT_ONCE: NonZeroUsize = NonZeroUsize::new(2).expect("is not zero");
/// A method other than GET stays what it is, which some old clients do not know, and browsers keep it for good.
pub(super) const REDIRECT_STATUS: StatusCode = StatusCode::PERMANENT_REDIRECT;
/// What stands in the query, tokens too, goes to the other place.
pub(super) const REDIRECT_QUERY: QueryKept = QueryKept::Keep;
/// Browsers show it as text, whatever it is.
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Who runs it has agreed to its terms: <https://letsencrypt.org/repository>.
pub(super) const ACME_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Where nothing is kept, there is an order at every start, until the directory takes no more.
pub(super) const ACME_STORAGE: AcmeStorage = AcmeStorage::InStateFolder;
/// Port 443 must be reachable from everywhere.
pub(super) const ACME_CHALLENGE: AcmeChallenge = AcmeChallenge::TlsAlpn01;
/// Whoever connects is the client, or a proxy that says so in its requests.
pub(super) const PROXY_HEADER: bool = false;
/// Cuts load balancers that connect first and say for whom later.
pub(super) const PROXY_HEADER_TIMEOUT: Duration = seconds(5);
/// Applications that read `Forwarded` alone learn of no client.
pub(super) const FORWARDED_HEADERS: ForwardedHeaders = ForwardedHeaders::XForwarded;
/// An application that wants such a header does not get it.
pub(super) const UNDERSCORE_HEADERS: UnderscoreHeaders = UnderscoreHeaders::Drop;
/// So much memory for each client that sends its head slowly.
pub(super) const MAX_HEAD: u32 = 64 << 10;
/// Clients with more are refused.
pub(super) const MAX_HEADER_LINES: u32 = 100;
/// Cookies and tokens have to fit.
pub(super) const MAX_HEADER_LINE: u32 = 16 << 10;
/// Forms that are sent as a query have to fit.
pub(super) const MAX_TARGET: u32 = 16 << 10;
/// Cuts clients whose network needs longer for a few kilobytes.
pub(super) const TLS_TIMEOUT: Duration = seconds(10);
/// Cuts clients whose network needs longer for the head of a request.
pub(super) const HEAD_TIMEOUT: Duration = seconds(10);
/// One descriptor for each resting session, for longer than the load balancers in front keep theirs by default.
pub(super) const REST_TIMEOUT: Duration = seconds(75);
/// Cuts an upload or a download that rests for a minute.
pub(super) const CLIENT_BODY_TIMEOUT: Duration = seconds(60);

/// Every path of a host.
pub(super) const PATH: &str = "/";
/// Clients that leave dots to the endpoint to resolve get a 400; browsers resolve them first.
pub(super) const DOT_SEGMENTS: DotSegments = DotSegments::Refuse;
/// Clients that write the path of one route so that another takes it get a 400; links are not written so.
pub(super) const OTHER_SPELLINGS: OtherSpellings = OtherSpellings::Refuse;
/// Any other upgrade is answered as a plain exchange.
pub(super) const UPGRADE: [&str; 1] = ["websocket"];
/// Half of a tunnel whose other end forgot it stays open.
pub(super) const RAW_HALF_CLOSE_TIMEOUT: Option<Duration> = None;

/// What an endpoint does not take it has to refuse itself.
pub(super) const MAX_BODY: Option<u64> = None;
/// An exchange may go on for as long as its two ends are at it.
pub(super) const REQUEST_TIMEOUT: Option<Duration> = None;
/// A request has only the name that its client or a proxy gave it.
pub(super) const REQUEST_ID: Option<HeaderName> = None;
/// Clients that are no browsers say none.
pub(super) const WITHOUT_ORIGIN: WithoutOrigin = WithoutOrigin::Pass;
/// Browsers that keep passwords for several routes ask for them under one name.
pub(super) const REALM: &str = "restricted";
/// An application that authenticates by itself does not see the password.
pub(super) const KEEP_AUTHORIZATION: AuthorizationHeader = AuthorizationHeader::Remove;
/// Clients behind one address share what is one client's.
pub(super) const PER: ClientKeySource = ClientKeySource::ClientIp;

/// A client waits as long for a server that hangs, and is then refused.
pub(super) const AUTHORIZE_TIMEOUT: Duration = Duration::from_secs(5);
/// What is asked beyond that waits, or is refused.
pub(super) const AUTHORIZE_AT_ONCE: NonZeroU32 = NonZeroU32::new(128).unwrap();
/// For as long a server that is gone keeps whom it has let in.
pub(super) const RECHECK_GRACE: Duration = Duration::from_secs(15 * 60);
/// With more credentials than this each is asked about less often than every second.
pub(super) const RECHECKS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// A key that an issuer withdraws is believed for as long.
pub(super) const KEYS_REFRESH: Duration = Duration::from_secs(10 * 60);
/// Clocks of machines that ask for the time differ by less.
pub(super) const JWT_LEEWAY: Duration = seconds(30);
/// What is not permitted any more is against a policy (RFC 6455 §7.4.1).
pub(super) const JWT_CLOSE_CODE: CloseCode = CloseCode::POLICY_VIOLATION;

/// A forgotten tab keeps its tunnel for as long as its pongs come.
pub(super) const IDLE_TIMEOUT: Option<Duration> = None;
/// An application that only pings is idle.
pub(super) const IDLE_COUNTS: IdleCounts = IdleCounts::Messages;
/// A few bytes for each quiet client, and the radio of a phone awake.
pub(super) const PING_EVERY: PerSide<Option<Duration>> = PerSide { client: Some(seconds(25)), upstream: None };
/// Ends a client that loses its network for longer.
pub(super) const PONG_WITHIN: Duration = seconds(10);
/// A client that hangs and has never answered a ping keeps its tunnel for as long as its kernel answers.
pub(super) const PONGS: PerSide<Pongs> = PerSide { client: Pongs::OnceSeen, upstream: Pongs::Required };
/// Ends a reader that rests for a minute.
pub(super) const STALL_TIMEOUT: Option<Duration> = Some(seconds(60));
/// Tunnels never move to a new endpoint by themselves.
pub(super) const MAX_LIFETIME: Option<Duration> = None;
/// Two descriptors for a peer that never answers a Close. It is counted from when its kernel has the Close: an answer takes a
/// round trip, and a client that sleeps reads its Close from its own kernel whether we are still there or not.
pub(super) const CLOSING_TIMEOUT: Duration = seconds(2);
/// Cuts an answer that takes longer after its asker is gone.
pub(super) const HALF_CLOSE_TIMEOUT: Duration = seconds(5);
/// Old clients may not know the code and treat it as any other end.
pub(super) const ENDPOINT_LOST_CODE: CloseCode = CloseCode::BAD_GATEWAY;
/// Larger uploads are refused; an endpoint is trusted with what it sends.
pub(super) const MAX_MESSAGE: PerDirection<Option<u64>> =
    PerDirection { from_client: Some(64 << 20), from_upstream: None };
/// A frame may be as large as its message.
pub(super) const MAX_FRAME: PerDirection<Option<u64>> = both(None);
/// A message may come in any number of frames.
pub(super) const MAX_FRAGMENTS: PerDirection<Option<u64>> = both(None);
/// A small compressed message may grow a thousandfold at the endpoint.
pub(super) const MAX_INFLATED_MESSAGE: PerDirection<Option<u64>> = both(None);
/// A client may send as fast as its endpoint takes it.
pub(super) const MESSAGES_PER_SECOND: PerDirection<Option<Rate>> = both(None);
/// Ends a peer that pings without rest; no honest one comes near it.
pub(super) const CONTROL_FRAMES_PER_SECOND: PerDirection<Option<Rate>> =
    both(Some(Rate { per_second: 50, burst: 200 }));
/// One tunnel may fill the line.
pub(super) const BYTES_PER_SECOND: PerDirection<Option<Rate>> = both(None);
/// A sender above its rate loses its tunnel.
pub(super) const EXCESS: PerDirection<Excess> = both(Excess::Close);
/// Message limits count compressed bytes.
pub(super) const COMPRESSION: Compression = Compression::Pass;
/// Devices that were built against RFC 6455 are refused.
pub(super) const STRICTNESS: Strictness = Strictness::Strict;

/// Whoever is between us and an endpoint reads along.
pub(super) const ENDPOINT_TLS: Option<EndpointTlsSettings> = None;
/// One request at a time on each connection.
pub(super) const PROTOCOL: EndpointProtocol = EndpointProtocol::Http1;
/// An application that serves its own name alone refuses others.
pub(super) const HOST: HostTowardsEndpoint = HostTowardsEndpoint::Keep;
/// Endpoints learn of clients from `X-Forwarded-For` alone.
pub(super) const PROXY_PROTOCOL: Option<ProxyProtocol> = None;
/// A few packets an hour for each quiet tunnel; one whose endpoint vanished is open for two minutes.
pub(super) const TCP_KEEPALIVE: TcpKeepaliveSettings = TcpKeepaliveSettings { idle: seconds(60), interval: seconds(6) };
/// What was sent to an endpoint that vanished is repeated for a quarter of an hour, unless pings end the tunnel.
pub(super) const TCP_USER_TIMEOUT: Option<Duration> = None;
/// A set that lost all but one endpoint is believed.
pub(super) const MIN_ENDPOINTS: usize = 1;

/// Keys, not load, decide: one busy key is one busy endpoint.
pub(super) const POLICY: Policy = Policy::Sticky;
/// One busy key after another may find the same endpoint.
pub(super) const BOUNDED_LOAD: Option<LoadFactor> = None;
/// A client that breaks its endpoint goes on to the next, until it has broken all.
pub(super) const SHARDS: Option<NonZeroUsize> = None;
/// An endpoint that has only just come gets its whole share at once.
pub(super) const SLOW_START: Option<Duration> = None;
/// Adding an endpoint moves some clients.
pub(super) const PIN_COOKIE: Option<PinCookie> = None;
/// The cookie goes with every request to the host.
pub(super) const PIN_PATH: &str = "/";
/// Pages of other sites keep their place over TLS.
pub(super) const PIN_SAME_SITE: SameSite = SameSite::Auto;
/// Where TLS ends before windlass, the cookie is sent in clear too.
pub(super) const PIN_SECURE: Secure = Secure::Auto;
/// Who closes the browser is placed anew.
pub(super) const PIN_MAX_AGE: Option<Duration> = None;
/// Who knows the names of an endpoint and its upstream knows its token.
pub(super) const PIN_SECRET: Option<NamedFile> = None;
/// An endpoint gets as many tunnels as there are clients for it.
pub(super) const MAX_TUNNELS: Option<NonZeroUsize> = None;
/// Everybody who comes back at once reaches the endpoint at once.
pub(super) const HANDSHAKES_AT_ONCE: Option<HandshakeLimits> = None;
/// Less and an endpoint that is slow once for another reason serves few for long.
pub(super) const HANDSHAKES_MIN: NonZeroU32 = NonZeroU32::new(5).expect("is not zero");
/// So many at a time an endpoint has to survive.
pub(super) const HANDSHAKES_MAX: NonZeroU32 = NonZeroU32::new(1000).expect("is not zero");
/// Two descriptors and some 20 kB for each who waits; clients that give up earlier come back and wait anew.
pub(super) const QUEUE: QueueSettings = QueueSettings { length: 1_000, wait: seconds(10) };
/// A page in a browser cannot tell it from other failures.
pub(super) const WHEN_FULL: WhenFull = WhenFull::Refuse;
/// An endpoint that fails is found out by requests.
pub(super) const HEALTH: Option<HealthSettings> = None;
/// So many seconds at the least until an endpoint that hangs is noticed.
pub(super) const HEALTH_EVERY: Duration = seconds(5);
/// An endpoint that answers later is taken for dead.
pub(super) const HEALTH_TIMEOUT: Duration = seconds(1);
/// An endpoint that is well again waits for two probes.
pub(super) const HEALTH_RISE: NonZeroU32 = NonZeroU32::new(2).expect("is not zero");
/// One that is dead is believed in for three.
pub(super) const HEALTH_FALL: NonZeroU32 = NonZeroU32::new(3).expect("is not zero");
/// Whoever asks three times for what breaks an endpoint has it left alone.
pub(super) const EJECT: EjectSettings =
    EjectSettings { after: NonZeroU32::new(3).expect("is not zero"), first: seconds(5), most: seconds(60) };
/// All but one may be left alone.
pub(super) const MIN_ELIGIBLE: usize = 1;
/// Clients of an endpoint that hangs wait for it.
pub(super) const ON_DOWN: OnDown = OnDown::Keep;
/// Where the probes are wrong, requests still find out; where they are right, each waits for its failure.
pub(super) const WHEN_ALL_DOWN: WhenAllDown = WhenAllDown::Try;
/// While more requests fail than that, some clients read a failure that another endpoint might have spared them.
pub(super) const RETRY_BUDGET: RetryBudgetSettings = RetryBudgetSettings { share_permille: 200, at_least: 100 };
/// A client waits so long for each endpoint that drops packets.
pub(super) const CONNECT_TIMEOUT: Duration = seconds(2);
/// A client of an endpoint that hangs waits for a minute.
pub(super) const HANDSHAKE_TIMEOUT: Duration = seconds(60);
/// A client of an endpoint that hangs waits for two minutes; longer polls are cut.
pub(super) const RESPONSE_TIMEOUT: Duration = seconds(120);
/// Cuts an upload whose endpoint rests for a minute.
pub(super) const ENDPOINT_BODY_TIMEOUT: Duration = seconds(60);
/// One descriptor at both ends for each unused connection, and a new one after each pause that is longer. Below the 5 s of
/// Node and Apache: an endpoint that closes first may lose a request that crosses its end.
pub(super) const KEEP_ALIVE: Option<Duration> = Some(seconds(4));
/// All endpoints get the same share.
pub(super) const WEIGHT: NonZeroU32 = NonZeroU32::MIN;
/// All endpoints serve.
pub(super) const ROLE: EndpointRole = EndpointRole::Ready;

/// Where systemd makes no folder for it, a restart while a source is down finds no endpoint.
pub(super) const STATE_FOLDER: StateFolder = StateFolder::Auto;
/// Servers are asked about each name once a second at the most.
pub(super) const MIN_TTL: Duration = seconds(1);
/// A change is noticed after five minutes even where servers promise more.
pub(super) const MAX_TTL: Duration = seconds(300);
/// A server that is silent holds up the first connect to a name for so long.
pub(super) const RESOLVER_TIMEOUT: Duration = seconds(2);

/// Clients that do not know the code may not come back by themselves.
pub(super) const DRAIN_CLOSE_CODE: CloseCode = CloseCode::SERVICE_RESTART;
/// So many handshakes a second reach the rest of the fleet.
pub(super) const DRAIN_MAX_PER_SECOND: NonZeroU32 = NonZeroU32::new(1000).expect("is not zero");
/// Load balancers in front hear of a stop by its first refusals.
pub(super) const STOP_DELAY: Option<Duration> = None;
/// A stop takes half a minute; it must end before systemd kills the process (90 s).
pub(super) const STOP_DEADLINE: Duration = seconds(30);
/// The first tunnels end twenty seconds before the last.
pub(super) const STOP_SPREAD: Duration = seconds(20);
/// A restart ends every tunnel; what is kept asks for a unit that lets systemd keep it.
pub(super) const STOP_TUNNELS: StopTunnels = StopTunnels::Drain;
/// A removed listener, route or endpoint ends its tunnels.
pub(super) const RELOAD_ON: OnReload = OnReload::Drain;
/// A removed endpoint has to live on for five minutes.
pub(super) const RELOAD_DEADLINE: Duration = seconds(300);
/// A removed endpoint still serves for a minute.
pub(super) const RELOAD_SPREAD: Duration = seconds(60);
/// An endpoint that leaves has to live on for a minute.
pub(super) const DISCOVERY_DEADLINE: Duration = seconds(60);
/// An endpoint that leaves still serves for a third of it.
pub(super) const DISCOVERY_SPREAD: Duration = seconds(20);
/// A process that handed over keeps its memory for half an hour.
pub(super) const HANDOFF_DEADLINE: Duration = seconds(1_800);
/// The new process is met by every client within ten minutes.
pub(super) const HANDOFF_SPREAD: Duration = seconds(600);
/// Clients do not come to the new process anew, so endpoints that are new to it get nobody of those who are there already.
pub(super) const HANDOFF_TUNNELS: HandoffTunnels = HandoffTunnels::Move;
/// A third deploy within half an hour may have to wait.
pub(super) const MAX_PREDECESSORS: usize = 2;
/// A new process that hangs is given up after half a minute; nobody notices but the operator.
pub(super) const READY_WITHIN: Duration = seconds(30);
/// Where a supervisor does follow a handoff, somebody has to say so.
pub(super) const UNDER_SUPERVISOR: UnderSupervisor = UnderSupervisor::Refuse;

/// Who may steer, may; a listener where nobody does says so.
pub(super) const ADMIN_READ_ONLY: bool = false;

/// That a client sends every second, and how much, is no secret from who may end it; what it says may be one.
pub(super) const ADMIN_TAP: TapLevel = TapLevel::Headers;

impl Default for AdminListen {
    fn default() -> Self {
        Self::Unix(ADMIN_SOCKET.into())
    }
}
