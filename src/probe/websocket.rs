//! A probe by an opening handshake: what a client would meet, down to the Close.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::deadline::in_time;
use super::failure::ProbeFailure;
use crate::config::UpstreamSettings;
use crate::endpoint::exchange_heads;
use crate::net::Stream;
use crate::websocket::{CloseCode, Frame, Side, Strictness, Tolerance, check_answer, check_request};

/// Opens a WebSocket over `stream` by `deadline`, and closes it politely (RFC 6455 §7.1.2).
///
/// # Errors
/// Why the probe did not pass.
pub(super) async fn ask(
    mut stream: Stream,
    request: Builder,
    settings: &UpstreamSettings,
    deadline: Instant,
) -> Result<(), ProbeFailure> {
    let request = request
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, STANDARD.encode(random::<16>()))
        .body(());
    let (request, ()) = request.expect("`config` has read a path and a host").into_parts();
    let mut tolerance = Tolerance::new(Strictness::Strict);
    let key = check_request(&request.method, request.version, &request.headers, &mut tolerance);
    let key = key.expect("the handshake is one");
    let answer = in_time(deadline, exchange_heads(&mut stream, &request, settings, |_, _| ())).await?;
    if !answer.head.is_switch() {
        return Err(ProbeFailure::Status(answer.head.status));
    }
    check_answer(&request.headers, &key, &answer.head.headers, &mut tolerance)?;
    let _ = timeout_at(deadline.min(Instant::now() + GOODBYE), close(&mut stream)).await;
    Ok(())
}

/// Sends a Close, and waits for the end of the connection, whatever comes before it.
async fn close(stream: &mut Stream) {
    let frame = Frame::close(Side::Upstream, CloseCode::NORMAL, "", random());
    if stream.write_all(&frame).await.is_err() {
        return;
    }
    let mut some = [0; 512];
    while let Ok(1..) = stream.read(&mut some).await {}
}

/// Unpredictable bytes, or zeros where the system has no entropy to give: what they are for here is no secret.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// How long an endpoint may take to answer the Close: the next probe does not wait for it.
const GOODBYE: Duration = Duration::from_millis(250);
