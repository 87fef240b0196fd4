//! How a server is asked: over a connection that rests, or a new one; within one deadline.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::failure::AuthFailure;
use super::question::Question;
use crate::config::AuthorizeSettings;
use crate::endpoint::{Answer, EndpointConnection, OpenedUnder, Pool, PoolSlot, Reuse, Unanswered, Upload};
use crate::net::{ConnectOptions, DialError, Network, Stream, TlsFailure, TlsStream, dial};
use crate::snapshot::AuthServer;

/// Who asks: one for each worker, whose runtime drives the connections that rest in its pool.
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
    /// Its body; `None` where it is longer than [`LONGEST_BODY`].
    pub body: Option<Bytes>,
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
        let deadline = Instant::now() + settings.timeout;
        let asking = async {
            let _place = server.places.try_acquire().map_err(|_| AuthFailure::Busy)?;
            let _turn = server.turns.acquire().await.map_err(|_| AuthFailure::Busy)?;
            self.ask_in_turn(server, settings, question, deadline).await
        };
        timeout_at(deadline, asking).await.unwrap_or(Err(AuthFailure::TimedOut))
    }

    async fn ask_in_turn(
        &self,
        server: &AuthServer,
        settings: &AuthorizeSettings,
        question: &Question,
        deadline: Instant,
    ) -> Result<AuthAnswer, AuthFailure> {
        let rested = self.pool.take(server.life.incarnation, &OpenedUnder::default());
        if let Some(mut connection) = rested {
            match connection.send(question.ask(settings, Upload::none())).await {
                Ok(answer) => return self.take(server, settings, connection, answer).await,
                // It has ended meanwhile: what is asked changes nothing, and may be asked again, once.
                Err(Unanswered::Returned(_) | Unanswered::Silent(_)) => {}
                Err(lost @ Unanswered::Lost(_)) => return Err(lost.into()),
            }
        }
        let stream = self.connect(server, deadline).await?;
        let mut connection = EndpointConnection::open(stream, settings.timeout).await?;
        let answer = connection.send(question.ask(settings, Upload::none())).await?;
        self.take(server, settings, connection, answer).await
    }

    async fn connect(&self, server: &AuthServer, deadline: Instant) -> Result<Stream, AuthFailure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let socket = dial(self.network, &server.address, &ConnectOptions::default(), left).await?;
        let Some(tls) = &server.tls else { return Ok(Stream::Plain(socket)) };
        let failed = |failure| DialError::Tls(Box::new(failure));
        let name = tls.name_of(&server.address).ok_or_else(|| failed(TlsFailure::NoName))?;
        let config = tls.config(Some(&server.sessions));
        let secured = TlsStream::connect(socket, config, name, vec![b"http/1.1".to_vec()]).await;
        Ok(Stream::Tls(secured.map_err(|error| failed(error.into()))?))
    }

    /// Takes the whole of an answer; its connection rests then, if it may serve another.
    async fn take(
        &self,
        server: &AuthServer,
        settings: &AuthorizeSettings,
        connection: EndpointConnection<Upload>,
        answer: Answer,
    ) -> Result<AuthAnswer, AuthFailure> {
        let Answer { response, is_early } = answer;
        let (head, body) = response.into_parts();
        let body = whole(body).await?;
        if body.is_some() && !is_early {
            Reuse::of(Some(self.slot(server)), connection, &settings.method, &head).release();
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

/// A body, unless it is longer than what is passed on.
async fn whole(mut body: Incoming) -> Result<Option<Bytes>, hyper::Error> {
    let mut taken = BytesMut::new();
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Ok(None);
    }
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(data) = frame.into_data() else { continue };
        if taken.len().saturating_add(data.len()) > LONGEST_BODY {
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
