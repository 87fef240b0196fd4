//! A collector that the test plays.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::rig::{Config, ServingEndpoint, until};

/// What one was sent, and what it says to that.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) heads: Vec<(String, HeaderMap)>,
    pub(super) spans: Vec<Value>,
    /// What it answers to each of the next requests instead of taking it.
    pub(super) refusals: Vec<Response<Full<Bytes>>>,
}

pub(super) struct Collector {
    served: ServingEndpoint,
    pub(super) taken: Arc<Mutex<Taken>>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let shared = Arc::clone(&taken);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = ServingEndpoint::start_at(listener, move |request| take(request, Arc::clone(&shared)));
        Self { served, taken }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// The spans of this name, once there are so many.
    pub(super) async fn spans(&self, name: &str, count: usize) -> Vec<Value> {
        let found = || -> Vec<Value> {
            self.taken.lock().unwrap().spans.iter().filter(|span| span["name"] == name).cloned().collect()
        };
        until(&format!("{count} spans {name:?}"), || found().len() >= count).await;
        found()
    }

    /// Takes the next request, and answers it so.
    pub(super) fn answer(&self, body: &'static str) {
        self.taken.lock().unwrap().refusals.push(Response::new(Full::from(body)));
    }

    pub(super) fn refuse(&self, status: u16, headers: &[(&'static str, &'static str)]) {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            answer.headers_mut().insert(*name, value.parse().unwrap());
        }
        self.taken.lock().unwrap().refusals.push(answer);
    }
}

/// Takes what comes over this connection.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, taken: Arc<Mutex<Taken>>) {
    let service = service_fn(move |request| {
        let taken = Arc::clone(&taken);
        async move { Ok::<_, Infallible>(take(request, taken).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(request: Request<Incoming>, taken: Arc<Mutex<Taken>>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut taken = taken.lock().unwrap();
    taken.heads.push((head.uri.path().to_owned(), head.headers));
    if !taken.refusals.is_empty() {
        return taken.refusals.remove(0);
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    taken.spans.extend(spans);
    Response::new(Full::from("{}"))
}

/// With each trace sent to `collector`.
pub(super) fn traced(config: Config, collector: SocketAddr) -> Config {
    config.with("traces.endpoint", &format!("\"http://{collector}\"")).with("traces.sample", "1")
}

/// What a span says under this name.
pub(super) fn said<'s>(span: &'s Value, key: &str) -> &'s str {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let value = &found.unwrap_or_else(|| panic!("no {key} in {span}"))["value"];
    value["stringValue"].as_str().or(value["intValue"].as_str()).unwrap_or_else(|| panic!("{key} in {span}"))
}
