//! `[route.NAME.jwt]`: whose tokens let in.

use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::Algorithm;

use super::authorize::AuthUrl;
use super::named_file::NamedFile;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;
use crate::grammar::CookieName;
use crate::websocket::CloseCode;

/// Whose tokens let in, where a request has one, and what it has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// What tokens are verified with.
    pub keys: JwtKeys,
    /// Which algorithms a token may be signed by; empty: those that the keys are for.
    pub algorithms: Vec<Algorithm>,
    /// Where a request has its token: the first place where there is one decides.
    pub from: Vec<TokenPlace>,
    /// Who may have issued it; empty: anybody who has the key.
    pub issuer: Vec<String>,
    /// For whom it may be, one of them at least; empty: that is not asked.
    pub audience: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
    /// Whether a token may hold forever.
    pub endless: Endless,
    /// What it has to say, by claim: one of these texts each.
    pub require: Vec<(String, Vec<String>)>,
    /// Which headers the endpoint reads, and the claim that each says. A client's own are taken out.
    pub headers: Vec<(HeaderName, String)>,
    /// Whether the endpoint reads the token.
    pub towards_endpoint: TokenTowardsEndpoint,
    /// What a client reads in the Close when its token has expired.
    pub close_code: CloseCode,
}

/// What tokens are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtKeys {
    /// Public keys, in PEM or as a JWK set.
    Public(NamedFile),
    /// What the issuer signs with, too.
    Secret(NamedFile),
    /// Public keys that the issuer gives to whoever asks, as a JWK set.
    Fetched(KeysUrl),
}

/// Where keys are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysUrl {
    /// Where.
    pub url: AuthUrl,
    /// Who has to have issued the server's certificate; `None` for whom the system believes.
    pub ca: Option<NamedFile>,
    /// How long a set is good before it is fetched again.
    pub refresh: Duration,
    /// Where it is written, for problems that only show when it is used.
    pub location: NotCompared<SourceLocation>,
}

/// One entry of `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// `header:authorization`: the credentials of the scheme `Bearer` (RFC 6750 §2.1).
    Bearer,
    /// `header:NAME`
    Header(HeaderName),
    /// `cookie:NAME`
    Cookie(CookieName),
    /// `query:NAME`
    Query(String),
    /// `protocol:PREFIX.`: an entry of Sec-WebSocket-Protocol that begins so.
    ProtocolBegins(String),
    /// `protocol:NAME`: the entry behind that one.
    ProtocolAfter(String),
}

/// What becomes of a token without `exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endless {
    /// It is refused.
    Refuse,
    /// It lets in, and nothing ends what it opens.
    Pass,
}

/// What becomes of a token behind the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTowardsEndpoint {
    /// It is taken out, from all of the places where one is looked for.
    Removed,
    /// It goes on with its request.
    Kept,
}

impl JwtKeys {
    /// The file that they are in; `None` where they are fetched.
    pub fn file(&self) -> Option<&NamedFile> {
        match self {
            Self::Public(file) | Self::Secret(file) => Some(file),
            Self::Fetched(_) => None,
        }
    }

    /// Where they are fetched; `None` where they are in a file.
    pub fn fetched(&self) -> Option<&KeysUrl> {
        match self {
            Self::Fetched(fetched) => Some(fetched),
            Self::Public(_) | Self::Secret(_) => None,
        }
    }
}
