//! What is kept of a request for the line about it.

use std::net::IpAddr;
use std::sync::OnceLock;

use http::header::{HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

use crate::metrics::ClientProtocol;

/// What is kept of a request for the line about it.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) client: IpAddr,
    pub(super) version: Version,
    /// What it asked to upgrade to, if it did.
    pub(super) upgrade: Option<Box<str>>,
    /// The name that its route gives it, once that is known.
    pub(super) request_id: OnceLock<Box<str>>,
}

impl Summary {
    pub(super) fn of(request: &Parts, client: IpAddr) -> Self {
        let text =
            |name| request.headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
        let host = text(HOST);
        Self {
            method: request.method.clone(),
            host: shortened(&host.unwrap_or_default(), LONGEST_HOST),
            path: shortened(request.uri.path(), LONGEST_PATH),
            client,
            version: request.version,
            upgrade: text(UPGRADE).map(|upgrade| shortened(&upgrade, LONGEST_UPGRADE).into()),
            request_id: OnceLock::new(),
        }
    }
}

impl Summary {
    /// The name that its route gives it.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.request_id.get().map(|name| &**name)
    }

    /// What the client speaks.
    pub(super) fn protocol(&self) -> ClientProtocol {
        if self.version == Version::HTTP_2 { ClientProtocol::Http2 } else { ClientProtocol::Http1 }
    }
}

/// The beginning of a text, where it is longer than so many bytes.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.get(..text.floor_char_boundary(most)) {
        Some(beginning) if beginning.len() < text.len() => format!("{beginning}…"),
        _ => text.to_owned(),
    }
}

/// How much of a client's words stands in a line, in bytes.
const LONGEST_PATH: usize = 1024;
const LONGEST_HOST: usize = 256;
const LONGEST_UPGRADE: usize = 64;
