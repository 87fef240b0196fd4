//! How a server is asked: over a connection that rests, or a new one; within one deadline. The keys of issuers are fetched so too.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{Method, Request};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::failure::AuthFailure;
use super::question::Question;
use crate::config::AuthorizeSettings;
use crate::endpoint::{Answer, EndpointConnection, OpenedUnder, Pool, PoolSlot, Reuse, Unanswered, Upload};
use crate::net::{ConnectOptions, Network, Stream, TlsFailure, TlsStream, dial};
use crate::snapshot::AuthServer;

/// Who asks. The runtime that it is asked on drives the connections that rest in its pool.
#[derive(Clone, Copy, Debug)]
pub struct AuthClient<'a> {
    /// Where servers are.
    pub network: &'a Network,
    /// Where connections with them rest.
    pub pool: &'a Arc<Pool>,
}

/// An answer.
#[derive(Debug)]
pub struct AuthAnswer {
    /// Its head.
    pub head: Parts,
    /// Its body; `None` where it is longer than was allowed.
    pub body: Option<Bytes>,
}

/// What a question may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may take, its wait for a turn included.
    pub timeout: Duration,
    /// How many bytes of a body are taken.
    pub longest_body: usize,
}

impl AuthClient<'_> {
    /// The answer to a question.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(
        &self,
        server: &AuthServer,
        settings: &AuthorizeSettings,
        question: &Question,
    ) -> Result<AuthAnswer, AuthFailure> {
        let bounds = Bounds { timeout: settings.timeout, longest_body: LONGEST_BODY };
        self.request(server, bounds, || question.ask(settings, Upload::none())).await
    }

    /// The answer to a request that may be sent again: where its connection is lost it may have been read, and is read twice.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn request(
        &self,
        server: &AuthServer,
        bounds: Bounds,
        request: impl Fn() -> Request<Upload>,
    ) -> Result<AuthAnswer, AuthFailure> {
        let deadline = Instant::now() + bounds.timeout;
        let asking = async {
            let _place = server.places.try_acquire().map_err(|_| AuthFailure::Busy)?;
            let _turn = server.turns.acquire().await.map_err(|_| AuthFailure::Busy)?;
            self.ask_in_turn(server, bounds, request, deadline).await
        };
        timeout_at(deadline, asking).await.unwrap_or(Err(AuthFailure::TimedOut))
    }

    async fn ask_in_turn(
        &self,
        server: &AuthServer,
        bounds: Bounds,
        request: impl Fn() -> Request<Upload>,
        deadline: Instant,
    ) -> Result<AuthAnswer, AuthFailure> {
        let rested = self.pool.take(server.life.incarnation, &OpenedUnder::default());
        if let Some(mut connection) = rested {
            let request = request();
            let method = request.method().clone();
            match connection.send(request).await {
                Ok(answer) => return self.take(server, (bounds, &method, deadline), connection, answer).await,
                // It has ended meanwhile: what is asked changes nothing, and may be asked again, once.
                Err(Unanswered::Returned(_) | Unanswered::Silent(_)) => {}
                Err(lost @ Unanswered::Lost(_)) => return Err(lost.into()),
            }
        }
        let stream = self.connect(server, deadline).await?;
        let mut connection = EndpointConnection::open(stream, bounds.timeout).await?;
        let request = request();
        let method = request.method().clone();
        let answer = connection.send(request).await?;
        self.take(server, (bounds, &method, deadline), connection, answer).await
    }

    async fn connect(&self, server: &AuthServer, deadline: Instant) -> Result<Stream, AuthFailure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let socket = dial(self.network, &server.address, &ConnectOptions::default(), left).await?;
        let Some(tls) = &server.tls else { return Ok(Stream::Plain(socket)) };
        let name = tls.name_of(&server.address).ok_or(TlsFailure::NoName)?;
        let config = tls.config(Some(&server.sessions));
        let secured = TlsStream::connect(socket, config, name, vec![b"http/1.1".to_vec()]).await;
        Ok(Stream::Tls(secured.map_err(TlsFailure::from)?))
    }

    /// Takes the whole of an answer; its connection rests then, if it may serve another.
    async fn take(
        &self,
        server: &AuthServer,
        (bounds, method, deadline): (Bounds, &Method, Instant),
        connection: EndpointConnection<Upload>,
        answer: Answer,
    ) -> Result<AuthAnswer, AuthFailure> {
        let Answer { response, is_early } = answer;
        let (head, body) = response.into_parts();
        let half = |why| AuthFailure::Half { status: head.status, why: Box::new(why) };
        let body = timeout_at(deadline, whole(body, bounds.longest_body)).await;
        let body = body.map_err(|_| half(AuthFailure::TimedOut))?.map_err(|lost| half(lost.into()))?;
        if body.is_some() && !is_early {
            Reuse::of(Some(self.slot(server)), connection, method, &head).release();
        }
        Ok(AuthAnswer { head, body })
    }

    /// Where its connections rest: nobody owns one, for nobody but us speaks on it.
    fn slot(&self, server: &AuthServer) -> PoolSlot {
        PoolSlot {
            pool: Arc::clone(self.pool),
            keep_alive: KEEP_ALIVE,
            owned: Arc::default(),
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            rest_timeout: KEEP_ALIVE,
            under: OpenedUnder::default(),
            endpoint: server.life.incarnation,
            retirement: server.retirement.clone(),
        }
    }
}

/// A body, unless it is longer than what is taken.
async fn whole(mut body: Incoming, longest: usize) -> Result<Option<Bytes>, hyper::Error> {
    let mut taken = BytesMut::new();
    if body.size_hint().lower() > longest as u64 {
        return Ok(None);
    }
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(data) = frame.into_data() else { continue };
        if taken.len().saturating_add(data.len()) > longest {
            return Ok(None);
        }
        taken.extend_from_slice(&data);
    }
    Ok(Some(taken.freeze()))
}

/// How much of a refusal is passed on, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;

/// How long a connection rests: shorter than Node keeps one.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
