//! Who may enter, of `[route.NAME]`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;

use super::authorize::AuthorizeSettings;
use super::jwt::JwtSettings;
use super::named_file::NamedFile;
use super::websocket::Rate;
use crate::grammar::Site;

/// Whom a route lets in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessSettings {
    /// Which addresses may ask.
    pub clients: ClientSettings,
    /// Which pages may ask; `None`: any.
    pub origins: Option<OriginSettings>,
    /// Whose name and password are asked for; `None`: nobody's.
    pub basic_auth: Option<BasicAuthSettings>,
    /// Whose tokens let in; `None`: none is asked for.
    pub jwt: Option<Arc<JwtSettings>>,
    /// Where tunnels that a token has let in are prolonged; `None`: nowhere.
    pub renew_path: Option<Box<str>>,
    /// Who else is asked; `None`: nobody.
    pub authorize: Option<AuthorizeSettings>,
    /// How many may be in, and come.
    pub limits: AdmissionLimits,
}

/// `allowed_clients` and `denied_clients`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// Who alone may ask; `None`: everybody.
    pub allowed: Option<Vec<IpNet>>,
    /// Who may not, whatever `allowed` says.
    pub denied: Vec<IpNet>,
}

/// `basic_auth`.
#[derive(Clone, Debug, PartialEq)]
pub struct BasicAuthSettings {
    /// Who there is, and with which passwords.
    pub file: NamedFile,
    /// What browsers are told that the name and the password are for.
    pub realm: String,
    /// Where the endpoint reads the name; nowhere, if `None`.
    pub user_header: Option<HeaderName>,
    /// What becomes of the header that the password stands in.
    pub authorization: AuthorizationHeader,
}

/// What becomes of an `Authorization` that has been judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationHeader {
    /// It is taken out: the endpoint has no need of the password.
    Remove,
    /// It goes on.
    Keep,
}

/// How many may be in, and come. Only what is to become a tunnel counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdmissionLimits {
    /// `max_tunnels`
    pub tunnels: Option<NonZeroUsize>,
    /// `max_tunnels_per_client`
    pub tunnels_per_client: Option<NonZeroUsize>,
    /// `handshakes_per_second`, of each client.
    pub handshakes: Option<Rate>,
    /// `per`: who is one client.
    pub per: ClientKeySource,
}

/// Who counts as one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientKeySource {
    /// One address of IPv4, or one /64 of IPv6: who has one address of that has all.
    #[default]
    ClientIp,
    /// Who sends the same value here; by the address, where there is none.
    Header(HeaderName),
    /// Whose token says the same here; by the address, where it says nothing.
    Claim(String),
}

/// `allowed_origins` and `without_origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginSettings {
    /// Which pages may ask.
    pub allowed: Vec<OriginPattern>,
    /// Whether a handshake of a WebSocket may be without an Origin.
    pub without: WithoutOrigin,
}

/// One entry of `allowed_origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// `"self"`: pages of the host and port that the request is for.
    Own,
    /// `"null"`: pages of no site.
    Null,
    /// `https://app.example.com`
    Exact(Site),
    /// `https://*.example.com`, kept with `example.com` as its host: any number of labels in front of it, at least one.
    Wildcard(Site),
}

/// What becomes of a handshake that says no Origin: browsers always say one, other clients hardly ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutOrigin {
    /// It is let in.
    Pass,
    /// It is refused.
    Refuse,
}
