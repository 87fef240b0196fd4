//! The opening handshake of HTTP/1.1 (RFC 6455 §4): what a request and its 101 must say.
//!
//! Heads are judged as values of `http`; how they are read and written, and the rules of HTTP itself, are not known here.

use std::error::Error;
use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{self, GeneralPurpose, GeneralPurposeConfig};
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Version};
use sha1::{Digest, Sha1};

use super::extensions::{BadExtensions, Extensions};
use super::leniency::{Leniency, Tolerance};
use crate::grammar::{has_member, members};

/// What the key is joined with before it is hashed (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Some clients leave random bits in the padding of the key; they are no use, and no harm.
const KEY_BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A `Sec-WebSocket-Key` as the client wrote it: the base64 of 16 bytes, or anything but nothing where that is let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(HeaderValue);

/// Why a request that asks for `websocket` is no opening handshake. It is the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHandshake {
    /// The method is not GET.
    Method,
    /// The request is not HTTP/1.1.
    HttpVersion,
    /// `Upgrade` has no token `websocket`.
    Upgrade,
    /// `Connection` has no token `upgrade`.
    Connection,
    /// `Sec-WebSocket-Key` is not there.
    KeyMissing,
    /// There are several lines of `Sec-WebSocket-Key`.
    KeyRepeated,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    KeyMalformed,
    /// `Sec-WebSocket-Version` is not exactly 13: the one that is answered with 426 and the version that we know.
    WebsocketVersion,
    /// `Sec-WebSocket-Extensions` does not follow its grammar.
    Extensions(BadExtensions),
}

/// Why a 101 does not open the tunnel that was asked for. It is the endpoint's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// `Upgrade` is not exactly `websocket`.
    Upgrade,
    /// `Connection` has no token `upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is not there.
    AcceptMissing,
    /// There are several lines of `Sec-WebSocket-Accept`.
    AcceptRepeated,
    /// `Sec-WebSocket-Accept` does not belong to the key.
    AcceptWrong,
    /// Several subprotocols were chosen.
    SubprotocolRepeated,
    /// The subprotocol was not offered.
    SubprotocolNotOffered,
    /// The extensions are not those offered, or not well formed.
    Extensions(BadExtensions),
}

/// Whether this is a legal opening handshake (RFC 6455 §4.2.1), but for what concerns every request, like `Host`,
/// and what is tolerated.
pub fn check_request(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    tolerance: &mut Tolerance,
) -> Result<Key, BadHandshake> {
    if method != Method::GET {
        return Err(BadHandshake::Method);
    }
    if version != Version::HTTP_11 {
        return Err(BadHandshake::HttpVersion);
    }
    if !has_member(headers, &UPGRADE, "websocket") {
        return Err(BadHandshake::Upgrade);
    }
    if !has_member(headers, &CONNECTION, "upgrade") && !tolerance.lets(Leniency::Connection) {
        return Err(BadHandshake::Connection);
    }
    if single(headers, SEC_WEBSOCKET_VERSION).ok().is_none_or(|version| version.as_bytes() != b"13") {
        return Err(BadHandshake::WebsocketVersion);
    }
    let key = single(headers, SEC_WEBSOCKET_KEY).map_err(|not| match not {
        NotSingle::Missing => BadHandshake::KeyMissing,
        NotSingle::Repeated => BadHandshake::KeyRepeated,
    })?;
    if !is_nonce(key.as_bytes()) && (key.is_empty() || !tolerance.lets(Leniency::Key)) {
        return Err(BadHandshake::KeyMalformed);
    }
    Extensions::check_offer(headers).map_err(BadHandshake::Extensions)?;
    Ok(Key(key.clone()))
}

/// Whether the headers of a 101 answer the handshake (RFC 6455 §4.1), but for what is tolerated, and which extensions
/// it settled on.
///
/// `offered` are the request's headers as the endpoint got them, `key` the one among them.
pub fn check_answer(
    offered: &HeaderMap,
    key: &Key,
    answer: &HeaderMap,
    tolerance: &mut Tolerance,
) -> Result<Extensions, BadAnswer> {
    let mut upgrade = members(answer, &UPGRADE);
    if !upgrade.next().is_some_and(|token| token.eq_ignore_ascii_case(b"websocket")) || upgrade.next().is_some() {
        return Err(BadAnswer::Upgrade);
    }
    if !has_member(answer, &CONNECTION, "upgrade") {
        return Err(BadAnswer::Connection);
    }
    let accept = single(answer, SEC_WEBSOCKET_ACCEPT).map_err(|not| match not {
        NotSingle::Missing => BadAnswer::AcceptMissing,
        NotSingle::Repeated => BadAnswer::AcceptRepeated,
    })?;
    if accept.as_bytes() != key.accept().as_bytes() {
        return Err(BadAnswer::AcceptWrong);
    }
    check_subprotocol(offered, answer, tolerance)?;
    Extensions::agreed(offered, answer).map_err(BadAnswer::Extensions)
}

/// The headers of a 101 that accepts the handshake for nobody: the key is answered, and of the subprotocols that are `offered`
/// the first is chosen, for a browser takes a WebSocket for failed whose offer is passed over (WHATWG WebSockets §3.1). No
/// extension is agreed on.
pub fn bare_answer(offered: &HeaderMap, key: &Key) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Base64 is fit for a header.
    headers.extend(HeaderValue::try_from(key.accept()).ok().map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
    let subprotocol = members(offered, &SEC_WEBSOCKET_PROTOCOL).find_map(|offer| HeaderValue::from_bytes(offer).ok());
    headers.extend(subprotocol.map(|subprotocol| (SEC_WEBSOCKET_PROTOCOL, subprotocol)));
    headers
}

/// At most one subprotocol is chosen, and it was offered; their names compare by case (RFC 6455 §4.1, §11.3.4).
fn check_subprotocol(offered: &HeaderMap, answer: &HeaderMap, tolerance: &mut Tolerance) -> Result<(), BadAnswer> {
    match single(answer, SEC_WEBSOCKET_PROTOCOL) {
        Err(NotSingle::Missing) => Ok(()),
        Err(NotSingle::Repeated) => Err(BadAnswer::SubprotocolRepeated),
        Ok(chosen) if chosen.as_bytes().contains(&b',') => Err(BadAnswer::SubprotocolRepeated),
        Ok(chosen) if members(offered, &SEC_WEBSOCKET_PROTOCOL).any(|offer| offer == chosen.as_bytes()) => Ok(()),
        Ok(_) if tolerance.lets(Leniency::Subprotocol) => Ok(()),
        Ok(_) => Err(BadAnswer::SubprotocolNotOffered),
    }
}

impl Key {
    /// The `Sec-WebSocket-Accept` that answers this key, whatever it is the base64 of (RFC 6455 §4.2.2).
    pub fn accept(&self) -> String {
        let digest = Sha1::new().chain_update(&self.0).chain_update(GUID).finalize();
        general_purpose::STANDARD.encode(digest)
    }
}

/// Whether this is the base64 of 16 bytes.
fn is_nonce(text: &[u8]) -> bool {
    let mut nonce = [0; 18];
    text.len() == 24 && KEY_BASE64.decode_slice(text, &mut nonce) == Ok(16)
}

/// Why a header has no single value.
enum NotSingle {
    Missing,
    Repeated,
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<&HeaderValue, NotSingle> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(NotSingle::Missing),
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(NotSingle::Repeated),
    }
}

impl fmt::Display for BadHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket handshake must be a GET",
            Self::HttpVersion => "a WebSocket handshake must be HTTP/1.1",
            Self::Upgrade => "the Upgrade header has no websocket",
            Self::Connection => "the Connection header has no upgrade",
            Self::KeyMissing => "the Sec-WebSocket-Key header is missing",
            Self::KeyRepeated => "the Sec-WebSocket-Key header is repeated",
            Self::KeyMalformed => "the Sec-WebSocket-Key header is not the base64 of 16 bytes",
            Self::WebsocketVersion => "the Sec-WebSocket-Version header is not 13",
            Self::Extensions(bad) => return bad.fmt(f),
        })
    }
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "the answer's Upgrade header is not websocket",
            Self::Connection => "the answer's Connection header has no upgrade",
            Self::AcceptMissing => "the answer has no Sec-WebSocket-Accept header",
            Self::AcceptRepeated => "the answer's Sec-WebSocket-Accept header is repeated",
            Self::AcceptWrong => "the answer's Sec-WebSocket-Accept header does not belong to the key",
            Self::SubprotocolRepeated => "the answer has several subprotocols",
            Self::SubprotocolNotOffered => "the answer's subprotocol was not offered",
            Self::Extensions(bad) => return bad.fmt(f),
        })
    }
}

impl Error for BadHandshake {}

impl Error for BadAnswer {}

#[cfg(test)]
mod tests;
