//! The three endpoints: small HTTP/1.1 servers on loopback ports that share one chat room.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::control::{ButtonReceiver, Buttons, channel};
use super::layout::Action;
use super::reply::{self, Body};
use super::room::ChatRoom;
use super::{chat, origin, visitor};

/// The endpoints' names, which the page also uses as their colours.
const NAMES: [&str; 3] = ["amber", "jade", "violet"];
/// Connections of one endpoint at the most; above that they wait in the listener's queue.
const MAX_CONNECTIONS: usize = 1024;
/// How long a request head may take. Above what the proxy keeps unused connections for, so that it closes them first.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a reload may take that somebody asked for by a button.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept, for the descriptors to become free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The three endpoints, bound; they answer while [`DemoEndpoints::serve`] is polled.
#[derive(Debug)]
pub struct DemoEndpoints {
    bound: Vec<(DemoEndpoint, TcpListener, SocketAddr)>,
}

impl DemoEndpoints {
    /// Binds all three to free ports of 127.0.0.1. What their visitors ask for comes out of the [`ButtonReceiver`].
    pub async fn bind() -> io::Result<(Self, ButtonReceiver)> {
        let room = ChatRoom::new(NAMES);
        let (buttons, commands) = channel(room.clone());
        let mut bound = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            bound.push((DemoEndpoint { name, room: room.clone(), buttons: buttons.clone() }, listener, address));
        }
        Ok((Self { bound }, commands))
    }

    /// Each endpoint's name and address.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.bound.iter().map(|(endpoint, _, address)| (endpoint.name, *address))
    }

    /// Answers for ever; dropping the future ends every connection.
    pub async fn serve(self) {
        let mut serving = JoinSet::new();
        for (endpoint, listener, _) in self.bound {
            serving.spawn(endpoint.serve(listener));
        }
        while serving.join_next().await.is_some() {}
        pending().await
    }
}

/// One of the three.
#[derive(Clone, Debug)]
struct DemoEndpoint {
    name: &'static str,
    room: ChatRoom,
    buttons: Buttons,
}

/// A WebSocket that was agreed on and waits for its 101 to be written.
struct AgreedUpgrade {
    stream: OnUpgrade,
    name: String,
}

impl DemoEndpoint {
    async fn serve(self, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let endpoint = self.clone();
            connections.spawn(async move {
                endpoint.converse(stream).await;
                drop(permit);
            });
        }
    }

    /// One connection: its requests, then the chat if one of them was an upgrade.
    async fn converse(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let agreed = Mutex::new(None);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(async |request| Ok::<_, std::convert::Infallible>(self.answer(request, &agreed).await)),
            )
            .with_upgrades();
        // How the connection ended is the proxy's to log.
        let _ = connection.await;
        let agreed = agreed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(AgreedUpgrade { stream, name }) = agreed
            && let Ok(stream) = stream.await
        {
            chat::converse(TokioIo::new(stream), self.room.enter(self.name), &name).await;
        }
    }

    async fn answer(&self, request: Request<Incoming>, agreed: &Mutex<Option<AgreedUpgrade>>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        match (path.as_str(), request.method()) {
            ("/", &Method::GET | &Method::HEAD) => reply::page(),
            ("/ws", &Method::GET) => self.upgrade(request, agreed),
            ("/events", &Method::GET) => reply::ticks(self.name),
            ("/api/whoami", &Method::GET | &Method::HEAD) => self.whoami(&request),
            ("/api/echo", &Method::POST) => reply::echo(request.into_body()),
            ("/demo/drain" | "/demo/restore" | "/demo/reload" | "/demo/handoff", &Method::POST) => {
                self.steer(&request).await
            }
            ("/" | "/ws" | "/events" | "/api/whoami", _) => reply::only("GET"),
            ("/api/echo" | "/demo/drain" | "/demo/restore" | "/demo/reload" | "/demo/handoff", _) => {
                reply::only("POST")
            }
            _ => reply::text(StatusCode::NOT_FOUND, "nothing here; try /, /api/whoami, /api/echo or /events\n"),
        }
    }

    fn upgrade(&self, mut request: Request<Incoming>, agreed: &Mutex<Option<AgreedUpgrade>>) -> Response<Body> {
        if !origin::is_own(request.headers()) {
            return foreign();
        }
        match create_response_with_body(&request, || ()) {
            Ok(handshake) => {
                let upgrade = AgreedUpgrade {
                    stream: hyper::upgrade::on(&mut request),
                    name: visitor::name(request.uri().query()),
                };
                *agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
                reply::switch(handshake)
            }
            Err(problem) => reply::text(StatusCode::BAD_REQUEST, format!("{problem}\n")),
        }
    }

    /// What arrived here, for looking at what the proxy adds.
    fn whoami(&self, request: &Request<Incoming>) -> Response<Body> {
        let shown = ["host", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "user-agent"];
        let headers: serde_json::Map<_, _> = shown
            .into_iter()
            .filter_map(|name| {
                let lines: Vec<_> = request
                    .headers()
                    .get_all(name)
                    .iter()
                    .map(|line| String::from_utf8_lossy(line.as_bytes()))
                    .collect();
                (!lines.is_empty()).then(|| (name.to_owned(), lines.join(", ").into()))
            })
            .collect();
        let seen = json!({ "endpoint": self.name, "path": request.uri().path(), "headers": headers });
        reply::json(StatusCode::OK, &seen)
    }

    async fn steer(&self, request: &Request<Incoming>) -> Response<Body> {
        if !origin::is_own(request.headers()) {
            return foreign();
        }
        let Some(action) = action(request) else {
            return reply::text(
                StatusCode::BAD_REQUEST,
                format!("say which: ?endpoint= one of {}\n", NAMES.join(", ")),
            );
        };
        match timeout(CHANGE_TIMEOUT, self.buttons.press(action)).await {
            Ok(Some(answer)) if answer.ok => reply::json(StatusCode::OK, &answer),
            Ok(Some(answer)) => reply::json(StatusCode::CONFLICT, &answer),
            Ok(None) => reply::text(StatusCode::SERVICE_UNAVAILABLE, "nobody takes commands now\n"),
            Err(_) => reply::text(StatusCode::GATEWAY_TIMEOUT, "the reload takes too long\n"),
        }
    }
}

fn action(request: &Request<Incoming>) -> Option<Action> {
    let asked = visitor::parameter(request.uri().query(), "endpoint");
    let name = asked.and_then(|asked| NAMES.into_iter().find(|name| *name == asked));
    match request.uri().path() {
        "/demo/drain" => name.map(Action::Drain),
        "/demo/restore" => name.map(Action::Restore),
        "/demo/handoff" => Some(Action::HandOver),
        _ => Some(Action::Reload),
    }
}

fn foreign() -> Response<Body> {
    reply::text(StatusCode::FORBIDDEN, "only the demo's own page and programs on this machine may do that\n")
}

#[cfg(test)]
mod tests;
