//! Echoing endpoints and their clients, through TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::handoff::world::World;
use crate::rig::{Config, PATIENCE, trusting};

/// A world whose proxy speaks TLS and has an echoing endpoint.
pub(crate) struct Chat {
    pub(crate) world: World,
    pub(crate) client: Client,
}

/// A client that remembers its TLS sessions.
#[derive(Clone)]
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
    trusted: CertificateDer<'static>,
    /// Known when the proxy runs.
    pub(crate) proxy: SocketAddr,
}

pub(crate) type Tunnel = WebSocketStream<TlsStream<TcpStream>>;

impl Chat {
    /// A proxy that is not started yet; `drain` is that part of its configuration.
    pub(crate) async fn new(drain: &str) -> Self {
        Self::of(Config::chat([echo().await]), drain)
    }

    /// The same with this configuration, to which TLS is added.
    pub(crate) fn of(config: Config, drain: &str) -> Self {
        let config = config.with("listener.public.tls", "{ chain = \"site.pem\", key = \"site.key\" }");
        let world = World::keeping(&config, windlass::process::MOST_KEPT);
        world.folder.configure(&(config.text() + drain));
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["site.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        world.folder.write("site.pem", &certificate.pem());
        world.folder.write("site.key", &key.serialize_pem());
        Self { world, client: Client::trusting(certificate.der()) }
    }

    /// The same, started; returns its pid too.
    pub(crate) async fn started(drain: &str) -> (Self, u32) {
        let mut chat = Self::new(drain).await;
        let pid = chat.world.start().await;
        chat.client.proxy = chat.world.folder.address("public").await;
        (chat, pid)
    }
}

impl Client {
    fn trusting(certificate: &CertificateDer<'static>) -> Self {
        let tls = trusting([certificate.clone()], rustls::DEFAULT_VERSIONS);
        Self { tls: Arc::new(tls), trusted: certificate.clone(), proxy: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    /// The same with TLS 1.2 alone, whose tunnels cannot move.
    pub(crate) fn of_tls12(&self) -> Self {
        let tls = trusting([self.trusted.clone()], &[&rustls::version::TLS12]);
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    /// The same without any memory of its sessions.
    pub(crate) fn anew(&self) -> Self {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.resumption = Resumption::default();
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    /// A session, and how its TLS handshake went.
    pub(crate) async fn session(&self) -> Result<(TlsStream<TcpStream>, HandshakeKind), String> {
        self.over(TcpStream::connect(self.proxy).await.map_err(|error| format!("connect: {error}"))?).await
    }

    /// The same over this connection.
    pub(crate) async fn over(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, HandshakeKind), String> {
        let name = ServerName::try_from("site.test").unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = stream.map_err(|error| format!("TLS handshake: {error}"))?;
        let kind = stream.get_ref().1.handshake_kind().unwrap();
        Ok((stream, kind))
    }

    pub(crate) async fn tunnel(&self) -> Result<Tunnel, String> {
        Self::upgrade(self.session().await?.0).await
    }

    pub(crate) async fn upgrade(session: TlsStream<TcpStream>) -> Result<Tunnel, String> {
        let upgraded = client_async("wss://site.test/", session).await;
        upgraded.map(|(tunnel, _)| tunnel).map_err(|error| format!("upgrade: {error}"))
    }

    /// A tunnel that echoes once and ends; how its TLS handshake went.
    pub(crate) async fn visit(&self) -> Result<HandshakeKind, String> {
        let visit = async {
            let (session, kind) = self.session().await?;
            let mut tunnel = Self::upgrade(session).await?;
            match echoes(&mut tunnel, "hello").await {
                // A drain may tell a tunnel to go at any time; that is no failure.
                Echo::Came | Echo::Closed(1012) => {}
                other => return Err(format!("echo: {other:?}")),
            }
            let _ = tunnel.close(None).await;
            Ok(kind)
        };
        timeout(PATIENCE, visit).await.unwrap_or_else(|_| Err("the visit took too long".to_owned()))
    }
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    Came,
    /// The proxy said good-bye with this code.
    Closed(u16),
    Lost(String),
}

pub(crate) async fn echoes(tunnel: &mut Tunnel, text: &str) -> Echo {
    let sent = tunnel.send(Message::text(text)).await;
    if let Err(error) = &sent
        && !matches!(error, Error::AlreadyClosed | Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))
    {
        return Echo::Lost(format!("sending: {error}"));
    }
    match timeout(PATIENCE, tunnel.next()).await {
        Ok(Some(Ok(Message::Text(echo)))) if echo == text => Echo::Came,
        Ok(Some(Ok(Message::Close(Some(frame))))) => Echo::Closed(frame.code.into()),
        other => Echo::Lost(format!("{other:?}")),
    }
}

/// Talks until something else than an echo comes, and answers a Close.
pub(crate) async fn until_closed(mut tunnel: Tunnel) -> Echo {
    loop {
        let echo = echoes(&mut tunnel, "still there").await;
        if echo != Echo::Came {
            // The good-byes are over, or there is nobody to say them to.
            let _ = tunnel.close(None).await;
            return echo;
        }
    }
}

/// Sends a plain request on a session, and returns the head of its answer.
pub(crate) async fn plain_answer(session: &mut TlsStream<TcpStream>) -> String {
    session.write_all(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(timeout(PATIENCE, session.read_buf(&mut answer)).await.unwrap().unwrap() > 0);
    }
    String::from_utf8_lossy(&answer).to_lowercase()
}

/// Clients that come without rest; those that failed say how.
pub(crate) async fn storm(client: Client, until: Arc<std::sync::atomic::AtomicBool>) -> (usize, Vec<String>) {
    let (mut came, mut failures) = (0, Vec::new());
    while !until.load(std::sync::atomic::Ordering::Relaxed) {
        came += 1;
        failures.extend(client.visit().await.err());
    }
    (came, failures)
}

/// A client that talks without rest, and comes back when it is told to go; how often that was, and what else happened.
pub(crate) async fn talker(client: Client, until: Arc<std::sync::atomic::AtomicBool>) -> (usize, Vec<String>) {
    let (mut returns, mut failures) = (0, Vec::new());
    while !until.load(std::sync::atomic::Ordering::Relaxed) {
        let mut tunnel = match client.tunnel().await {
            Ok(tunnel) => tunnel,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        for number in 0.. {
            match echoes(&mut tunnel, &format!("{number}")).await {
                Echo::Came if until.load(std::sync::atomic::Ordering::Relaxed) => break,
                Echo::Came => tokio::time::sleep(Duration::from_millis(5)).await,
                Echo::Closed(1012) => {
                    returns += 1;
                    let _ = tunnel.close(None).await;
                    break;
                }
                other => {
                    failures.push(format!("message {number}: {other:?}"));
                    break;
                }
            }
        }
    }
    (returns, failures)
}

/// An endpoint that sends every message back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // A plain request fails here, and the proxy answers for it.
                let Ok(mut tunnel) = accept_async(stream).await else { return };
                while let Some(Ok(message)) = tunnel.next().await {
                    if message.is_text() && tunnel.send(message).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}
