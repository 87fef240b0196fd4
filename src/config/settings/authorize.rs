//! `route.NAME.authorize`: another server is asked whether a request may enter.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use http::{HeaderName, Method};

use super::named_file::NamedFile;
use super::reach::EndpointAddress;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;
use crate::websocket::CloseCode;

/// Who is asked, what is said there, and what its answers mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizeSettings {
    /// Who is asked.
    pub url: AuthUrl,
    /// How.
    pub method: Method,
    /// Which headers of the request are said there.
    pub send: Vec<HeaderPattern>,
    /// Which headers of an answer that lets in the endpoint gets, and from nobody else.
    pub take: Vec<HeaderPattern>,
    /// Which of them the client gets, with its own answer.
    pub take_to_client: Vec<HeaderPattern>,
    /// How long a question may take, from its wait for a turn to the last byte of its answer.
    pub timeout: Duration,
    /// How many questions may be under way at once.
    pub at_once: NonZeroU32,
    /// Who has to have issued the server's certificate; `None` for whom the system believes.
    pub ca: Option<NamedFile>,
    /// In which header an answer that lets in says until when; `None`: it does not.
    pub expires_header: Option<HeaderName>,
    /// What clients read whose tunnel ends because it may not go on; `None`: 1008 where its time is over, 4403 otherwise.
    pub close_code: Option<CloseCode>,
    /// How it is asked again about open tunnels; `None`: it is not.
    pub recheck: Option<RecheckSettings>,
    /// Where it is written, for problems that only show when it is used.
    pub location: NotCompared<SourceLocation>,
}

/// `recheck_every` and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecheckSettings {
    /// How often it is asked about each credential.
    pub every: Duration,
    /// How long tunnels stay after the last answer that let them, while there is none.
    pub grace: Duration,
    /// How many questions are asked each second at the most.
    pub per_second: NonZeroU32,
}

/// Where a server that is asked is, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthUrl {
    /// Where it is.
    pub address: EndpointAddress,
    /// How it is spoken with.
    pub speaks: AuthScheme,
    /// What it reads as `Host`.
    pub host: String,
    /// The path, and the query if there is one.
    pub path: String,
}

/// How a server that is asked is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// HTTP/1.1 in clear.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
}

/// Header names: one, or all that begin alike. Both are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderPattern {
    /// `x-user`
    Exact(HeaderName),
    /// `x-auth-*`, kept without its asterisk.
    Prefix(String),
}

impl HeaderPattern {
    /// Whether it means this name.
    pub fn matches(&self, name: &HeaderName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix),
        }
    }

    /// Whether some server could take this name for one that is meant: CGI and its heirs cannot tell underscores from hyphens.
    pub fn could_mean(&self, name: &HeaderName) -> bool {
        let alike = |one: &str, other: &str| {
            let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
            one.len() == other.len() && one.bytes().map(plain).eq(other.bytes().map(plain))
        };
        match self {
            Self::Exact(exact) => alike(exact.as_str(), name.as_str()),
            Self::Prefix(prefix) => name.as_str().get(..prefix.len()).is_some_and(|start| alike(start, prefix)),
        }
    }
}

impl AuthUrl {
    /// For the log: there may be a secret in the query.
    pub fn without_query(&self) -> String {
        self.written(self.path.split('?').next().unwrap_or_default())
    }

    fn written(&self, path: &str) -> String {
        match (&self.address, self.speaks) {
            (EndpointAddress::Unix(_), _) => format!("{}:{path}", self.address),
            (_, AuthScheme::Http) => format!("http://{}{path}", self.host),
            (_, AuthScheme::Https) => format!("https://{}{path}", self.host),
        }
    }
}

impl fmt::Display for AuthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::UnixAddress;

    #[test]
    fn a_url_is_told_without_its_query() {
        let url = |address, speaks| AuthUrl { address, speaks, host: "login.test".into(), path: "/keys?k=x".into() };
        let socket = || EndpointAddress::Socket(([127, 0, 0, 1], 80).into());
        let https = url(socket(), AuthScheme::Https);
        assert_eq!(
            [https.without_query(), https.to_string()],
            ["https://login.test/keys", "https://login.test/keys?k=x"]
        );
        assert_eq!(url(socket(), AuthScheme::Http).without_query(), "http://login.test/keys");
        let unix = EndpointAddress::Unix(UnixAddress::Path("/run/login".into()));
        assert_eq!(url(unix, AuthScheme::Http).without_query(), "unix:/run/login:/keys");
    }

    #[test]
    fn a_name_with_underscores_could_mean_what_is_asked_for() {
        let (user, of_auth) =
            (HeaderPattern::Exact(HeaderName::from_static("x-user")), HeaderPattern::Prefix("x-auth-".into()));
        let [plain, odd, other] = ["x-user", "x_user", "x-users"].map(HeaderName::from_static);
        assert!(user.matches(&plain) && !user.matches(&odd) && !user.matches(&other));
        assert!(user.could_mean(&plain) && user.could_mean(&odd) && !user.could_mean(&other));
        let [group, odd, other] = ["x-auth-group", "x_auth_group", "x-author"].map(HeaderName::from_static);
        assert!(of_auth.matches(&group) && !of_auth.matches(&odd) && !of_auth.matches(&other));
        assert!(of_auth.could_mean(&group) && of_auth.could_mean(&odd) && !of_auth.could_mean(&other));
    }
}
