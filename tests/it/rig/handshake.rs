//! Opening handshakes as text.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::Head;

/// What answers the key of [`Handshake::new`] (RFC 6455 §1.3).
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The 101 that answers [`Handshake::new`].
pub(crate) const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The same with more header lines.
pub(crate) fn switch_with(lines: &str) -> String {
    format!("{}{lines}\r\n", SWITCH.strip_suffix("\r\n").unwrap())
}

/// A request to upgrade, in the order and the spelling of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    request: String,
    lines: Vec<(String, String)>,
}

impl Handshake {
    /// A good one: `GET /chat` at `chat.test`, names in lower case.
    pub(crate) fn new() -> Self {
        let lines = [
            ("host", "chat.test"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { request: "GET /chat HTTP/1.1".into(), lines }
    }

    /// With another request line.
    pub(crate) fn request(mut self, line: &str) -> Self {
        line.clone_into(&mut self.request);
        self
    }

    /// With one more line.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.lines.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Without any line of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(other, _)| other != name);
        self
    }

    /// With another value in place of its own.
    pub(crate) fn but(self, name: &str, value: impl AsRef<str>) -> Self {
        self.without(name).with(name, value)
    }

    /// The 101 to any such request.
    pub(crate) fn grant(head: &Head) -> String {
        let key = head.value("sec-websocket-key").expect("a handshake has a key");
        let digest = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
        SWITCH.replace(ACCEPT, &STANDARD.encode(digest))
    }

    /// As it goes over the wire, with `early` behind it.
    pub(crate) fn and(&self, early: impl AsRef<[u8]>) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.request);
        for (name, value) in &self.lines {
            write!(head, "{name}: {value}\r\n").expect("a string takes everything");
        }
        [head.as_bytes(), b"\r\n", early.as_ref()].concat()
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.and("")
    }
}
