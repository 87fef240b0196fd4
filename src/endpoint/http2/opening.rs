//! Opening a shared connection: what is said first over HTTP/2.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use h2::Ping;
use h2::client::Builder;
use tokio::time::timeout;

use super::connection::{MOST_STREAMS, SharedConnection};
use super::driver::Driver;
use super::failure::NotOpened;
use super::recorded::Recorded;
use crate::http::http2::Origin;
use crate::http::limits::MAX_BUFFER;
use crate::net::{Guarded, TunnelStream, Unsent};

/// Speaks HTTP/2 over `stream` and waits, for `deadline`, until the endpoint has said what it allows. One that takes nothing of
/// what is written for `body_timeout` has ended it.
///
/// # Errors
/// The endpoint does not speak HTTP/2.
pub(super) async fn open<S>(
    (stream, origin): (S, Origin),
    deadline: Duration,
    body_timeout: Duration,
) -> Result<(SharedConnection, Driver<S>), NotOpened>
where
    S: TunnelStream + Send + 'static,
{
    let stream = Guarded::telling(stream, body_timeout, Unsent::default(), S::delivery);
    let heard = stream.read_activity();
    let (stream, record) = Recorded::new(stream);
    let opening = async {
        let (sender, mut connection) = builder().handshake(stream).await?;
        let mut pings = connection.ping_pong().expect("it is asked for once");
        // Its SETTINGS come before anything else that it says (RFC 9113 §3.4), so with the answer to a ping they are known.
        tokio::select! {
            biased;
            pong = pings.ping(Ping::opaque()) => pong.map(|_| Ok((sender, connection, pings))),
            ended = &mut connection => ended.map(|()| Err(())),
        }
    };
    let (sender, connection, pings) = match timeout(deadline, opening).await {
        Ok(Ok(Ok(opened))) => opened,
        Ok(Ok(Err(()))) => return Err(NotOpened::Closed(io::ErrorKind::UnexpectedEof.into())),
        Ok(Err(error)) => return Err(NotOpened::of(error, &record)),
        Err(_) => return Err(NotOpened::Silent),
    };
    if sender.current_max_send_streams() == 0 {
        return Err(NotOpened::NoStreams);
    }
    let shared = SharedConnection::new(sender, origin);
    let state = Arc::clone(shared.state());
    Ok((shared, Driver { connection, pings, heard, state }))
}

/// Windows are fixed, and the connection's is that of all its streams together: so a client that reads slowly holds up its own
/// stream and none of the others, and what one stream may leave unread with us is bounded. Windows that follow the line would be
/// larger where the line is long, and shared.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * MOST_STREAMS as u32)
        .max_header_list_size(MAX_BUFFER as u32)
        // Clients that leave reset their streams, and what was on its way there still comes: by default that is the endpoint's
        // fault where many leave at once, and ends the streams of all the others.
        .max_concurrent_reset_streams(8 * MOST_STREAMS)
        .max_local_error_reset_streams(None)
        .max_send_buffer_size(MAX_BUFFER);
    builder
}

/// How much of an answer may wait for its reader with us, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
