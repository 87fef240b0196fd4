//! A plain HTTP exchange: a request to an endpoint, its answer to the client, both streaming.

use http::header::SET_COOKIE;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::body::AnswerBody;
use super::log;
use super::placement::{Placed, connect};
use super::request::{Refused, Visit};
use crate::http::{Refusal, forward};

pub(super) async fn run(visit: &Visit, mut request: Request<Incoming>) -> Result<Response<AnswerBody>, Refused> {
    let (affinity, pin) = visit.affinity(request.uri(), request.headers());
    forward::request(request.headers_mut(), visit.arrival, None);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).parse::<Uri>();
    *request.uri_mut() = target.unwrap_or_default();
    let Placed { lease, stream } = connect(visit, affinity, pin).await?;
    let nonsense = |error: hyper::Error| lease.refused(Refusal::BadAnswer, error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(nonsense)?;
    tokio::spawn(connection);
    let deadline = visit.upstream().settings.response_timeout;
    let response = timeout(deadline, sender.send_request(request))
        .await
        .map_err(|_| lease.refused(Refusal::HeadTimeout, "no answer within response_timeout"))?
        .map_err(nonsense)?;
    let (mut parts, body) = response.into_parts();
    forward::response(&mut parts.headers, None);
    parts.headers.extend(visit.pin_cookie(lease.endpoint().pin, pin).map(|cookie| (SET_COOKIE, cookie)));
    log::exchanged(visit, parts.status, &lease);
    Ok(Response::from_parts(parts, AnswerBody::Relayed(body)))
}
