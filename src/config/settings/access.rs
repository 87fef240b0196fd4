//! Who may enter, of `[route.NAME]`.

use std::sync::Arc;

use super::authorize::AuthorizeSettings;
use super::jwt::JwtSettings;
use crate::grammar::Site;

/// Whom a route lets in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessSettings {
    /// Which pages may ask; `None`: any.
    pub origins: Option<OriginSettings>,
    /// Who else is asked; `None`: nobody.
    pub authorize: Option<AuthorizeSettings>,
    /// Whose tokens let in; `None`: none is asked for.
    pub jwt: Option<Arc<JwtSettings>>,
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
