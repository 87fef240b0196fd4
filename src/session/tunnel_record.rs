//! What a tunnel keeps of its request, for the line about its end and for whoever looks at it meanwhile: one small allocation at the most,
//! however long it stays open.

use std::iter::from_fn;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};

use super::placed_by::PlacedBy;
use super::request_id::RequestId;
use super::shortened::shortened;
use super::summary::Summary;
use crate::config::WebsocketSettings;
use crate::drain::TunnelHandle;
use crate::metrics::ClientProtocol;
use crate::traces::TraceContext;

/// What was asked for, by whom, and how it was placed.
///
/// Packed, since there are many tunnels and each is asked once: the port (two bytes), whether it is the client's own and what the
/// client speaks, how it was placed (one byte each); then the path, the host, the user agent, the request's name where it has one, and the
/// names and values of headers, with a NUL between them, which none of them can hold (RFC 9110 §5.5). A request without a name has its
/// number before them, eight bytes, and before those, one that is traced has its span, 25 bytes.
#[derive(Debug)]
pub(super) struct TunnelRecord(Box<[u8]>);

/// A [`TunnelRecord`] that is kept with its tunnel.
#[derive(Clone, Copy, Debug)]
pub struct RecordedRequest<'t>(&'t [u8]);

/// The same, unpacked.
#[derive(Debug, PartialEq, Eq)]
pub struct Unpacked<'t> {
    /// Whose port it is is said by `port_is`.
    pub port: u16,
    /// Whose port is known.
    pub port_is: PortIs,
    /// By what it was placed, as the log says it.
    pub placed: &'static str,
    /// The path.
    pub path: &'t str,
    /// The host.
    pub host: &'t str,
    /// Empty, where there was none.
    pub user_agent: &'t str,
    /// By what the request is known.
    pub request_id: RequestId<'t>,
    /// The span of its handshake, if that was taken.
    pub trace: Option<TraceContext>,
    /// The headers of `log.headers` that it had, each with all of its lines.
    pub headers: Vec<(&'t str, &'t str)>,
}

/// Whose port is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortIs {
    /// The client's.
    Client,
    /// That of a proxy between it and us.
    Proxy,
}

impl TunnelRecord {
    /// Of a request, with those of its headers that are `wanted`.
    pub(super) fn new(
        summary: &Summary,
        peer: (IpAddr, u16),
        headers: &HeaderMap,
        wanted: &[HeaderName],
        placed: PlacedBy,
    ) -> Self {
        let (path, host) = (shortened(&summary.path, LONGEST), shortened(&summary.host, LONGEST));
        let mut texts = vec![path, host, text(headers, &USER_AGENT)];
        let number = match summary.request_id() {
            RequestId::Named(name) => {
                texts.push(name.to_owned());
                None
            }
            RequestId::Drawn(number) => Some(number.to_be_bytes()),
        };
        for name in wanted.iter().filter(|name| headers.contains_key(*name)) {
            texts.extend([name.to_string(), text(headers, name)]);
        }
        let is_of_client = if peer.0.to_canonical() == summary.client { PORT_OF_CLIENT } else { 0 };
        let protocol = if summary.protocol() == ClientProtocol::Http2 { SPEAKS_HTTP2 } else { 0 };
        let is_named = if number.is_none() { HAS_REQUEST_NAME } else { 0 };
        let trace = summary.sampled().map(TraceContext::to_bytes);
        let is_traced = if trace.is_some() { HAS_TRACE } else { 0 };
        let [high, low] = peer.1.to_be_bytes();
        let known = [high, low, is_of_client | protocol | is_named | is_traced, placed as u8];
        let (trace, number) = (trace.as_slice().as_flattened(), number.as_slice().as_flattened());
        Self([&known, trace, number, texts.join("\0").as_bytes()].concat().into_boxed_slice())
    }

    /// Leaves it with its tunnel, and what that is held to.
    pub(super) fn leave_with(self, handle: &TunnelHandle, settings: &Arc<WebsocketSettings>) {
        handle.note_joined(self.0, Arc::clone(settings));
    }

    /// What its client speaks.
    pub(super) fn protocol(&self) -> ClientProtocol {
        RecordedRequest(&self.0).protocol()
    }
}

impl<'t> RecordedRequest<'t> {
    /// What was left with a tunnel; nothing before it is joined.
    pub fn of(handle: &'t TunnelHandle) -> Self {
        Self(handle.request())
    }

    /// What its client speaks.
    pub fn protocol(self) -> ClientProtocol {
        let is_http2 = self.0.get(2).is_some_and(|flags| flags & SPEAKS_HTTP2 != 0);
        if is_http2 { ClientProtocol::Http2 } else { ClientProtocol::Http1 }
    }

    /// What it tells.
    pub fn unpacked(self) -> Unpacked<'t> {
        let (&[high, low, flags, placed], text) = self.0.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let (trace, text) = match text.split_first_chunk() {
            Some((trace, text)) if flags & HAS_TRACE != 0 => (Some(TraceContext::from_bytes(trace)), text),
            _ => (None, text),
        };
        let (number, text) = match text.split_first_chunk() {
            Some((number, text)) if flags & HAS_REQUEST_NAME == 0 => (u64::from_be_bytes(*number), text),
            _ => (0, text),
        };
        let mut texts = str::from_utf8(text).unwrap_or_default().split('\0');
        let mut next = || texts.next().unwrap_or_default();
        let (path, host, user_agent) = (next(), next(), next());
        let is_named = flags & HAS_REQUEST_NAME != 0;
        let request_id = if is_named { RequestId::Named(next()) } else { RequestId::Drawn(number) };
        Unpacked {
            port: u16::from_be_bytes([high, low]),
            port_is: if flags & PORT_OF_CLIENT != 0 { PortIs::Client } else { PortIs::Proxy },
            placed: PlacedBy::word_of(placed),
            path,
            host,
            user_agent,
            request_id,
            trace,
            headers: from_fn(|| Some((texts.next()?, texts.next()?))).collect(),
        }
    }
}

/// What the lines of a header say, as one (RFC 9110 §5.3), as much of it as is kept.
fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    shortened(&lines.join(", "), LONGEST)
}

const PORT_OF_CLIENT: u8 = 1;
const SPEAKS_HTTP2: u8 = 2;
const HAS_REQUEST_NAME: u8 = 4;
const HAS_TRACE: u8 = 8;

/// How much of each is kept, in bytes.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn record(headers: &[(&'static str, &[u8])], path: &str) -> TunnelRecord {
        let mut request = Request::builder().uri(path).header("host", "chat.example.com");
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let request = request.body(()).unwrap().into_parts().0;
        let wanted = ["x-request-id", "x-trace"].map(HeaderName::from_static);
        record_of(&Summary::of(&request, CLIENT), &request.headers, &wanted)
    }

    fn record_of(summary: &Summary, headers: &HeaderMap, wanted: &[HeaderName]) -> TunnelRecord {
        TunnelRecord::new(summary, (CLIENT, 4711), headers, wanted, PlacedBy::Cookie)
    }

    #[test]
    fn everything_that_was_packed_is_told() {
        let record = record(
            &[("user-agent", b"curl/8"), ("x-trace", b"a=b \xc2\x9b"), ("x-request-id", b"17"), ("x", b"y")],
            "/ws?token=hush",
        );
        let told = Unpacked {
            port: 4711,
            port_is: PortIs::Client,
            placed: "cookie",
            path: "/ws",
            host: "chat.example.com",
            user_agent: "curl/8",
            request_id: RecordedRequest(&record.0).unpacked().request_id,
            trace: None,
            headers: vec![("x-request-id", "17"), ("x-trace", "a=b \u{9b}")],
        };
        assert_eq!(RecordedRequest(&record.0).unpacked(), told);
    }

    #[test]
    fn the_name_of_a_request_is_told_too() {
        let request = Request::builder().uri("/ws").header("x-trace", "1").body(()).unwrap().into_parts().0;
        let summary = Summary::of(&request, CLIENT);
        summary.request_name.set("r-1".into()).unwrap();
        let wanted = [HeaderName::from_static("x-trace")];
        let record = TunnelRecord::new(&summary, (CLIENT, 1), &request.headers, &wanted, PlacedBy::Cookie);
        let told = RecordedRequest(&record.0).unpacked();
        assert_eq!((told.request_id, told.headers), (RequestId::Named("r-1"), vec![("x-trace", "1")]));
    }

    #[test]
    fn a_request_without_a_name_is_known_by_the_same_number_in_all_of_its_lines() {
        let request = Request::builder().uri("/ws").body(()).unwrap().into_parts().0;
        let (summary, other) = (Summary::of(&request, CLIENT), Summary::of(&request, CLIENT));
        let told = record_of(&summary, &request.headers, &[]);
        assert_eq!(RecordedRequest(&told.0).unpacked().request_id, summary.request_id());
        assert_ne!(summary.request_id(), other.request_id());
        assert_eq!(summary.request_id().to_string().len(), 16);
    }

    #[test]
    fn no_header_passes_for_another_and_none_of_its_lines_is_lost() {
        let record = record(&[("x-trace", b"1 x-request-id=2"), ("x-trace", b""), ("x-trace", b"3")], "/");
        assert_eq!(RecordedRequest(&record.0).unpacked().headers, [("x-trace", "1 x-request-id=2, , 3")]);
    }

    #[test]
    fn what_a_client_writes_does_not_grow_a_tunnel_without_bound() {
        let long = [b'\xff'; 5000];
        let record = record(&[("user-agent", &long), ("x-trace", &long)], &format!("/{}", "x".repeat(5000)));
        assert!(record.0.len() <= 4 * (LONGEST + 16), "{}", record.0.len());
        assert!(RecordedRequest(&record.0).unpacked().path.ends_with('…'));
    }

    #[test]
    fn an_ordinary_tunnel_keeps_little() {
        assert!(size_of::<TunnelRecord>() <= 16, "{}", size_of::<TunnelRecord>());
        let bare = record(&[], "/chat");
        // What an allocator gives for 33 bytes.
        assert!(bare.0.len() <= 48, "{}", bare.0.len());
    }
}
