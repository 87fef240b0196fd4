//! The lines of the access log, for tools that read what other servers write: each answer and each tunnel has one, where there is such
//! a log. No sampling and no sums here: those tools count lines.

use std::time::Duration;

use http::{StatusCode, Version};

use super::context::Session;
use super::exchanged::Exchanged;
use super::records::Records;
use super::refused::Refused;
use super::request_context::RequestContext;
use super::summary::Summary;
use super::tunnel_record::RecordedRequest;
use crate::config::RouteName;
use crate::drain::TunnelHandle;
use crate::log::AccessEntry;
use crate::metrics::ClientProtocol;
use crate::tunnel::Outcome;

/// What a request came to, as its line says it.
#[derive(Default)]
struct Came<'c> {
    status: Option<u16>,
    bytes: u64,
    bytes_from_client: u64,
    took: Duration,
    route: Option<&'c RouteName>,
    endpoint: Option<&'c str>,
    refusal: Option<&'static str>,
}

/// An exchange has ended.
pub(super) fn exchanged(exchanged: &Exchanged<'_>) {
    let Exchanged { session, route, summary, answer, end: _, uploaded, answered, took } = *exchanged;
    let came = || Came {
        status: answer.map(|(_, status)| status.as_u16()),
        bytes: answered,
        bytes_from_client: uploaded,
        took,
        route: Some(route),
        endpoint: answer.map(|(endpoint, _)| endpoint.as_str()),
        refusal: None,
    };
    write(session, summary, came);
}

/// A route has answered by itself, with so many bytes.
pub(super) fn answered(context: &RequestContext, status: StatusCode, bytes: usize) {
    let came = || Came {
        status: Some(status.as_u16()),
        bytes: bytes as u64,
        took: context.started.elapsed(),
        route: Some(&context.route.settings.name),
        ..Came::default()
    };
    write(&context.session, &context.summary, came);
}

/// A request was refused with this status, and so many bytes.
pub(super) fn refused(
    session: &Session,
    summary: &Summary,
    route: Option<&RouteName>,
    refused: &Refused,
    (status, bytes): (StatusCode, usize),
    took: Duration,
) {
    let came = || Came {
        status: Some(status.as_u16()),
        bytes: bytes as u64,
        took,
        route,
        refusal: Some(refused.refusal.log_word()),
        ..Came::default()
    };
    write(session, summary, came);
}

fn write<'c>(session: &Session, summary: &Summary, came: impl FnOnce() -> Came<'c>) {
    session.proxy.records.write_access(|access_log| {
        let Came { status, bytes, bytes_from_client, took, route, endpoint, refusal } = came();
        // One that came before there was this log has none.
        let visitor = summary.visitor.as_deref();
        access_log.write(&AccessEntry {
            client: summary.client,
            method: summary.method.as_str(),
            path: &summary.path,
            host: &summary.host,
            protocol: protocol(summary.version),
            status,
            bytes,
            bytes_from_client,
            referer: visitor.map_or("", |visitor| &visitor.referer),
            user_agent: visitor.map_or("", |visitor| &visitor.user_agent),
            took,
            request_id: &summary.request_id().to_string(),
            tunnel: None,
            listener: session.listener.settings.name.as_str(),
            route: route.map(RouteName::as_str),
            endpoint,
            refusal,
        });
    });
}

/// A tunnel has ended. Browsers say of no WebSocket which page it came from, and nobody keeps that.
pub(super) fn ended(records: &Records, handle: &TunnelHandle, record: RecordedRequest<'_>, outcome: &Outcome) {
    records.write_access(|access_log| {
        let told = record.unpacked();
        let (method, protocol, status) = match record.protocol() {
            ClientProtocol::Http1 => ("GET", "HTTP/1.1", StatusCode::SWITCHING_PROTOCOLS),
            // RFC 8441 §5.
            ClientProtocol::Http2 => ("CONNECT", "HTTP/2.0", StatusCode::OK),
        };
        let member = &handle.member;
        access_log.write(&AccessEntry {
            client: handle.client,
            method,
            path: told.path,
            host: told.host,
            protocol,
            status: Some(status.as_u16()),
            bytes: outcome.counts.from_upstream.bytes,
            bytes_from_client: outcome.counts.from_client.bytes,
            referer: "",
            user_agent: told.user_agent,
            took: outcome.duration,
            request_id: &told.request_id.to_string(),
            tunnel: Some(handle.id.0),
            listener: member.listener.0.as_str(),
            route: Some(member.route.0.as_str()),
            endpoint: Some(member.endpoint.0.as_str()),
            refusal: None,
        });
    });
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
