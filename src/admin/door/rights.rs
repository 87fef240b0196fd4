//! One place where operators are listened to: who may ask what there.
//!
//! Invariants: who may do what is decided here alone, for each request anew. `/live`, `/ready`, `/openapi.json` and the files of the
//! dashboard ask for nothing. Over a unix socket the system has decided it. Over TCP nobody steers who has not said who they are, and a
//! page in a browser asks only its own listener.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use tokio::time::Instant;

use super::guesses::Guesses;
use crate::admin::answer::{Problem, ProblemKind};
use crate::admin::routes::Needs;
use crate::config::{AdminListen, AdminListenerSettings, Warning};
use crate::grammar::{Authority, Site, host_name};
use crate::snapshot::AdminContents;
use crate::tls::{Credentials, SessionTickets, TicketKeys, TlsRules, server_config};

/// One place where operators are listened to.
#[derive(Debug)]
pub struct Door {
    settings: AdminListenerSettings,
    contents: AdminContents,
    tls: Option<Arc<ServerConfig>>,
    guesses: Guesses,
    /// Nobody is listened to here any more: other rules hold.
    is_over: AtomicBool,
}

/// Who has connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Visitor {
    /// A process of this machine, by the word of the system.
    Process { uid: u32, pid: Option<i32> },
    /// Somebody at an address, and the holder of the certificate that was shown, if one was.
    Address { peer: SocketAddr, certificate: Option<Holder> },
}

/// Who holds the certificate that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Holder {
    /// Its subject.
    pub(in crate::admin) name: Box<str>,
    /// When the certificate ends. A session of TLS is resumed, and a connection stays open, beyond that.
    pub(in crate::admin) ends: UnixTime,
}

/// By what somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum LetIn {
    /// Nothing was asked.
    Freely,
    /// The mode of a socket's file.
    BySocket,
    /// The token.
    ByToken,
    /// A certificate.
    ByCertificate,
}

/// Why somebody is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Denied {
    /// A page of another site asks.
    Origin,
    /// It asks for a name that is not ours: a stranger may own it, and point it at this machine.
    Host,
    /// There is no token.
    NoToken,
    /// There is no certificate.
    NoCertificate,
    /// It is another token.
    WrongToken,
    /// There were too many of those.
    TooManyGuesses,
    /// Nobody steers here whom nothing is asked.
    ReadingOnly,
    /// Nobody steers here.
    ReadOnly,
    /// Other rules hold here by now, or nobody is listened to.
    Over,
}

impl Door {
    /// One with these settings, and what was read for it.
    pub fn new(settings: AdminListenerSettings, contents: AdminContents, tickets: &TicketKeys) -> Self {
        let tickets = SessionTickets::shared(tickets, None, None);
        let config = |credentials| server_config(credentials, TlsRules::default(), &tickets);
        let tls = contents.credentials.as_ref().map(config);
        Self { settings, contents, tls, guesses: Guesses::default(), is_over: AtomicBool::new(false) }
    }

    /// Where it is.
    pub fn listen(&self) -> &AdminListen {
        &self.settings.listen
    }

    /// What it is called among listeners, whose names have no slash.
    pub(in crate::admin) fn name(&self) -> String {
        format!("admin/{}", self.settings.listen)
    }

    /// When each of its certificates ends, in seconds since 1970, by the first name that it is for.
    pub(in crate::admin) fn certificate_ends(&self) -> Vec<(String, i64)> {
        self.contents.credentials.iter().flat_map(Credentials::ends_by_name).collect()
    }

    /// What is to be said of its certificates at `now`.
    pub fn certificate_warnings(&self, now: UnixTime) -> Vec<Warning> {
        self.contents.certificate_warnings(&self.settings, now)
    }

    /// Whether it would be no other one with these.
    pub fn is_of(&self, settings: &AdminListenerSettings, contents: &AdminContents) -> bool {
        self.settings == *settings && self.contents == *contents
    }

    /// How TLS is spoken here.
    pub(in crate::admin) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    /// Lets somebody in who asks for something that needs this.
    pub(in crate::admin) fn admit(
        &self,
        visitor: &Visitor,
        needs: Needs,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<LetIn, Denied> {
        if needs == Needs::Nothing {
            return Ok(LetIn::Freely);
        }
        if self.is_over.load(Ordering::Relaxed) {
            return Err(Denied::Over);
        }
        let Visitor::Address { peer, certificate } = visitor else {
            let may = needs < Needs::Steering || !self.settings.is_read_only;
            return if may { Ok(LetIn::BySocket) } else { Err(Denied::ReadOnly) };
        };
        self.check_site(headers)?;
        let let_in = match () {
            () if self.settings.clients.is_some() && certificate.as_ref().is_some_and(Holder::is_valid) => {
                LetIn::ByCertificate
            }
            () => self.check_token(peer.ip(), headers, now)?,
        };
        match (needs, let_in) {
            (Needs::Steering, LetIn::Freely) => Err(Denied::ReadingOnly),
            (Needs::Steering, _) if self.settings.is_read_only => Err(Denied::ReadOnly),
            _ => Ok(let_in),
        }
    }

    /// Nobody is let in here any more, whose connection is open still either: a token that was taken back is worth nothing.
    pub(in crate::admin) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether somebody who was let in like this may have something done.
    pub(in crate::admin) fn lets_steer(&self, let_in: LetIn) -> bool {
        let_in.is_known() && !self.settings.is_read_only
    }

    fn check_token(&self, peer: IpAddr, headers: &HeaderMap, now: Instant) -> Result<LetIn, Denied> {
        let Some(token) = &self.contents.token else {
            return if self.settings.asks() { Err(Denied::NoCertificate) } else { Ok(LetIn::Freely) };
        };
        let Some(shown) = bearer(headers) else { return Err(Denied::NoToken) };
        // First: whoever guesses beside an operator, from the same address, must not lock them out; and nobody guesses 16 bytes.
        if token.is(shown) {
            return Ok(LetIn::ByToken);
        }
        if self.guesses.is_over(peer, now) {
            return Err(Denied::TooManyGuesses);
        }
        self.guesses.note(peer, now);
        Err(Denied::WrongToken)
    }

    /// A request has to name this listener, and a page has to be its own: names of strangers lead here by DNS, and pages of strangers
    /// by a link.
    fn check_site(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let mut hosts = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Denied::Host) };
        let Some(authority) = Authority::parse(host).filter(|it| self.is_named(it)) else { return Err(Denied::Host) };
        // Browsers say of what they ask without an Origin, too, whether a page of another site has them do so (Fetch Metadata).
        let is_of_a_stranger = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
        if headers.get_all(SEC_FETCH_SITE).iter().any(is_of_a_stranger) {
            return Err(Denied::Origin);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if origin.to_str().is_ok_and(|origin| self.is_own(origin, authority)) => Ok(()),
            _ => Err(Denied::Origin),
        }
    }

    /// Whether a host is one of ours.
    fn is_named(&self, authority: &Authority<'_>) -> bool {
        let AdminListen::Tcp(listen) = self.settings.listen else { return true };
        match authority.bare_host().parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || !listen.ip().is_loopback(),
            Err(_) => self.settings.hosts.iter().any(|name| *name == host_name(authority.host)),
        }
    }

    /// Whether a page comes from the listener that it asks.
    fn is_own(&self, origin: &str, asked: Authority<'_>) -> bool {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let default = if self.tls.is_some() { 443 } else { 80 };
        Site::parse(origin).is_some_and(|site| {
            site.scheme == scheme
                && site.host == host_name(asked.host)
                && site.port == Some(asked.port.unwrap_or(default))
        })
    }
}

impl LetIn {
    /// Whether they have said who they are, or the system has.
    pub(in crate::admin) fn is_known(self) -> bool {
        self != Self::Freely
    }
}

impl Holder {
    fn is_valid(&self) -> bool {
        UnixTime::now() < self.ends
    }
}

impl Denied {
    /// What is answered.
    pub(in crate::admin) fn problem(self) -> Problem {
        match self {
            Self::Origin => ProblemKind::Forbidden.because("no page of another site is answered here"),
            Self::Host => ProblemKind::Forbidden.because(
                "the Host must be a loopback address, such as 127.0.0.1 (any address, where the listener is not at loopback), or \
                 one of its `hosts`",
            ),
            Self::NoToken => ProblemKind::Unauthorized
                .because("send `Authorization: Bearer TOKEN`; windlass's own commands take --token-file FILE"),
            Self::NoCertificate => ProblemKind::Forbidden.because("show a client certificate, issued by its `client_ca`"),
            Self::WrongToken => ProblemKind::Unauthorized.because("it is not the token of this listener"),
            Self::TooManyGuesses => {
                ProblemKind::TooManyGuesses.because("too many wrong tokens came from this address; wait a few seconds")
            }
            Self::ReadingOnly => ProblemKind::Forbidden.because(
                "over this listener there is only reading: use the unix socket, or give it a token (docs/admin.md)",
            ),
            Self::ReadOnly => ProblemKind::Forbidden.because("this listener is read_only: use another one, or change that"),
            Self::Over => ProblemKind::Busy.because("this listener has changed, or the process stops: connect again"),
        }
    }

    /// Whether a token would be a help.
    pub(in crate::admin) fn asks_for_token(self) -> bool {
        matches!(self, Self::NoToken | Self::WrongToken)
    }
}

/// What the one `Authorization` of a request shows (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (line, None) = (lines.next()?.as_bytes(), lines.next()) else { return None };
    let (scheme, shown) = line.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| shown.trim_ascii())
}

/// From where a page is that has something asked, as the browser says it.
const SEC_FETCH_SITE: &str = "sec-fetch-site";
