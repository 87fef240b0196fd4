//! Whether a client without TLS begins with HTTP/2 (RFC 9113 §3.3).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::http::http2::flood::PREFACE;
use crate::net::Socket;

/// Looks at what the client says first, until it is its whole preface or something else, or until `deadline`; it is left to be read.
/// Whoever says neither is one of HTTP/1.1's, who knows what to do about that.
pub(in crate::session) async fn begins_with_http2(socket: &Socket, deadline: Instant) -> bool {
    timeout_at(deadline, has_preface(socket)).await.unwrap_or(false)
}

async fn has_preface(socket: &Socket) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        let Ok(count) = socket.peek(&mut first).await else { return false };
        let (said, _) = first.split_at(count.min(first.len()));
        if said.is_empty() || !PREFACE.starts_with(said) {
            return false;
        }
        if said.len() == PREFACE.len() {
            return true;
        }
        // A start of it: the socket does not tell of more as long as that stands there. It is one packet, in practice.
        sleep(PAUSE).await;
    }
}

const PAUSE: Duration = Duration::from_millis(20);
