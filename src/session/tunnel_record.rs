//! What a tunnel keeps of its request, for the line about its end and for whoever looks at it meanwhile: one small allocation at the most,
//! however long it stays open.

use std::iter::from_fn;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};

use super::packed_record::{HAS_MOVED, HAS_REQUEST_NAME, HAS_TRACE, PORT_OF_CLIENT, Packed, SPEAKS_HTTP2};
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
/// number before them, eight bytes, and before those, one that is traced has its span, 25 bytes. Of a tunnel that was moved, how often it
/// was stands before all of that, two bytes.
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
    /// How often the tunnel was moved from one process to another.
    pub moves: u16,
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

    /// That of a tunnel that had these bytes in another process, and is moved to this one; `None` where they are none of a tunnel.
    pub(super) fn moved_once_more(bytes: &[u8]) -> Option<Self> {
        let packed = Packed::of(bytes).filter(Packed::is_whole)?;
        let moves = packed.moves.saturating_add(1).to_be_bytes();
        let [high, low, flags, placed] = packed.known;
        let known = [high, low, flags | HAS_MOVED, placed];
        let (trace, number) = (packed.trace.map_or(&[][..], |it| it), packed.number.map_or(&[][..], |it| it));
        Some(Self([&known[..], &moves, trace, number, packed.texts.as_bytes()].concat().into_boxed_slice()))
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

    /// What it tells; nothing of what is none.
    pub fn unpacked(self) -> Unpacked<'t> {
        let Packed { known: [high, low, flags, placed], moves, trace, number, texts } =
            Packed::of(self.0).unwrap_or_default();
        let mut texts = texts.split('\0');
        let mut next = || texts.next().unwrap_or_default();
        let (path, host, user_agent) = (next(), next(), next());
        let request_id = match number {
            None => RequestId::Named(next()),
            Some(number) => RequestId::Drawn(u64::from_be_bytes(*number)),
        };
        Unpacked {
            port: u16::from_be_bytes([high, low]),
            port_is: if flags & PORT_OF_CLIENT != 0 { PortIs::Client } else { PortIs::Proxy },
            placed: PlacedBy::word_of(placed),
            path,
            host,
            user_agent,
            request_id,
            trace: trace.map(TraceContext::from_bytes),
            moves,
            headers: from_fn(|| Some((texts.next()?, texts.next()?))).collect(),
        }
    }
}

/// What the lines of a header say, as one (RFC 9110 §5.3), as much of it as is kept.
fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    shortened(&lines.join(", "), LONGEST)
}

/// How much of each is kept, in bytes.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

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
            moves: 0,
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
    fn one_that_is_moved_tells_how_often_and_the_rest_as_before() {
        let named = {
            let request = Request::builder().uri("/ws").header("x-trace", "1").body(()).unwrap().into_parts().0;
            let summary = Summary::of(&request, CLIENT);
            summary.request_name.set("r-1".into()).unwrap();
            record_of(&summary, &request.headers, &[HeaderName::from_static("x-trace")])
        };
        let traced = {
            let record = record(&[], "/");
            let [high, low, flags, placed] = *record.0.first_chunk().unwrap();
            TunnelRecord([&[high, low, flags | HAS_TRACE, placed][..], &[5; 25], &record.0[4..]].concat().into())
        };
        let bare = record(&[("user-agent", b"curl/8"), ("x-request-id", b"17")], "/ws");
        for first in [named, traced, bare] {
            let once = TunnelRecord::moved_once_more(&first.0).unwrap();
            let twice = TunnelRecord::moved_once_more(&once.0).unwrap();
            for (record, moves) in [(&first, 0), (&once, 1), (&twice, 2)] {
                let told = RecordedRequest(&first.0).unpacked();
                assert_eq!(RecordedRequest(&record.0).unpacked(), Unpacked { moves, ..told });
                assert_eq!(record.0.len(), first.0.len() + if moves == 0 { 0 } else { 2 });
            }
        }
    }

    #[test]
    fn one_that_was_moved_more_often_than_can_be_said_is_told_as_that() {
        let mut last = TunnelRecord::moved_once_more(&record(&[], "/").0).unwrap();
        last.0[4..6].copy_from_slice(&[255; 2]);
        let record = TunnelRecord::moved_once_more(&last.0).unwrap();
        assert_eq!(RecordedRequest(&record.0).unpacked().moves, u16::MAX);
    }

    #[test]
    fn what_was_cut_off_or_means_nothing_is_not_moved() {
        let whole = TunnelRecord::moved_once_more(&record(&[("x-trace", b"1")], "/").0).unwrap();
        for at in 0..14 {
            assert!(TunnelRecord::moved_once_more(&whole.0[..at]).is_none(), "{at}");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.0.clone();
            bytes[at] = byte;
            TunnelRecord::moved_once_more(&bytes)
        };
        assert!(with(2, whole.0[2] | 128).is_none(), "a flag that nobody knows");
        assert!(with(whole.0.len() - 1, 0).is_none(), "a name without a value");
        assert!(with(whole.0.len() - 1, 255).is_none(), "what is no text");
    }

    proptest! {
        #[test]
        fn bytes_that_are_none_are_refused_or_told_and_none_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let told = RecordedRequest(&bytes).unpacked();
            let moved = TunnelRecord::moved_once_more(&bytes);
            if let Some(moved) = &moved {
                let moves = told.moves.saturating_add(1);
                prop_assert_eq!(RecordedRequest(&moved.0).unpacked(), Unpacked { moves, ..told });
            }
        }
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
