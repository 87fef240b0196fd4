//! One connection with an operator: TLS where there is some, then one request of HTTP/1.1 after the other.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::respond::respond;
use crate::admin::answer::leave;
use crate::admin::door::{ANSWER_WITHIN, Arrival, Guest, Holder, OperatorPlace, Reception, Visitor};
use crate::admin::steer::READ_WITHIN;
use crate::net::{Guarded, TlsStream};
use crate::tls::{CertificateText, Life, ShownCertificate};

/// Talks with somebody until they have asked all they want, or their place is needed more.
pub(super) fn converse(arrival: Arrival, reception: Arc<Reception>, place: OperatorPlace) {
    tokio::spawn(async move {
        let guest = place.guest();
        let met = async {
            match arrival {
                Arrival::Unix(stream) => {
                    let visitor = match stream.peer_cred() {
                        Ok(peer) => Visitor::Process { uid: peer.uid(), pid: peer.pid() },
                        Err(error) => return Err(error),
                    };
                    Ok((Box::new(stream) as Box<dyn Duplex>, visitor))
                }
                Arrival::Tcp(stream, peer) => meet(stream, peer, &reception).await,
            }
        };
        let mut place = place;
        let met = tokio::select! {
            met = met => met,
            () = place.is_needed() => return reception.spare.refill(),
        };
        match met {
            Ok((stream, visitor)) => listen(stream, visitor, (&reception, guest), place).await,
            Err(error) => tracing::debug!(%error, "an operator's connection ended before it was one"),
        }
        // Its descriptor is the next operator's, before anybody else has it.
        reception.spare.refill();
    });
}

/// Shakes hands, where the listener speaks TLS.
async fn meet(stream: TcpStream, peer: SocketAddr, reception: &Reception) -> io::Result<(Box<dyn Duplex>, Visitor)> {
    // What comes is small, and waited for.
    stream.set_nodelay(true)?;
    let Some(tls) = reception.door.tls() else {
        return Ok((Box::new(stream), Visitor::Address { peer, certificate: None }));
    };
    let (shown, turns) = (ShownCertificate::default(), &reception.handshakes);
    let shaken =
        TlsStream::accept_within(stream.into(), Arc::clone(tls), Some(shown.clone()), turns, READ_WITHIN).await;
    let stream = shaken.map_err(|failed| io::Error::other(failed.error.to_string()))?;
    let holder = shown.certificate().and_then(|certificate| {
        let name = CertificateText::of(certificate).subject.unwrap_or_default().into();
        Some(Holder { name, ends: Life::of(certificate)?.ends })
    });
    Ok((stream, Visitor::Address { peer, certificate: holder }))
}

async fn listen(
    stream: Box<dyn Duplex>,
    visitor: Visitor,
    (reception, guest): (&Arc<Reception>, Guest),
    mut place: OperatorPlace,
) {
    let (leave, leaving) = leave();
    let service = service_fn(|request| {
        let at_work = guest.at_work();
        let (visitor, leaving) = (&visitor, &leaving);
        async move {
            let answer = respond(reception, (visitor, &at_work), leaving, request).await;
            drop(at_work);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_WITHIN)
        .serve_connection(TokioIo::new(Guarded::new(stream, READ_WITHIN)), service);
    let mut connection = Box::pin(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = place.is_needed() => {
            drop(leave);
            connection.as_mut().graceful_shutdown();
            match timeout(place.grace(), connection.as_mut()).await {
                // Its request has come this moment: it is answered.
                Err(_) if place.is_at_work() => timeout(ANSWER_WITHIN, connection.as_mut()).await.unwrap_or(Ok(())),
                ended => ended.unwrap_or(Ok(())),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an operator's connection ended early");
    }
}

/// What can be read and written.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::{Semaphore, mpsc};

    use super::*;
    use crate::admin::command::AdminCommand;
    use crate::admin::context::context_of_tests;
    use crate::admin::door::{Door, Places, Spare};
    use std::collections::BTreeMap;

    use crate::admin::wire::HandoffAnswer;
    use crate::config::{AdminListen, AdminListenerSettings};
    use crate::snapshot::AdminContents;
    use crate::tls::TicketKeys;

    /// Somebody who operates a process.
    struct Operator {
        stream: DuplexStream,
        /// What the process is told to do.
        commands: mpsc::Receiver<AdminCommand>,
        /// The place of the connection is one of them.
        places: Places,
    }

    /// An operator who has asked this, and between whom and the process so many bytes fit.
    async fn asking(request: &str, buffer: usize) -> Operator {
        let (context, commands) = context_of_tests();
        let (mut stream, served) = duplex(buffer);
        let places = context.places.clone();
        let at = AdminListenerSettings::at(AdminListen::default());
        let door = Arc::new(Door::new(at, AdminContents::default(), &TicketKeys::generate().unwrap()));
        let (spare, handshakes) = (Spare::filled(), Semaphore::new(1));
        let reception = Arc::new(Reception { door, context, spare, handshakes });
        let place = places.of_new_listener().take(None).await;
        let visitor = Visitor::Process { uid: 0, pid: None };
        tokio::spawn(async move { listen(Box::new(served), visitor, (&reception, place.guest()), place).await });
        stream.write_all(format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        Operator { stream, commands, places }
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_holds_no_place_for_ever() {
        let operator = asking("GET /metrics", 64).await;
        assert!(timeout(2 * READ_WITHIN, operator.places.are_free()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_looks_and_reads_nothing_holds_no_place_for_ever() {
        let operator = asking("GET /events", 64).await;
        assert!(timeout(2 * READ_WITHIN, operator.places.are_free()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_looks_and_reads_may_do_so_for_ever_until_the_place_is_needed() {
        let Operator { stream, places, .. } = asking("GET /events", 1 << 20).await;
        assert!(timeout(100 * READ_WITHIN, places.are_free()).await.is_err());
        places.clear();
        assert!(timeout(ANSWER_WITHIN, places.are_free()).await.is_ok());
        drop(stream);
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_may_take_longer_than_any_reader() {
        let Operator { mut stream, mut commands, places } = asking("POST /handoff", 4096).await;
        let Some(AdminCommand::HandOff(reply)) = commands.recv().await else { panic!("it is told to hand over") };
        assert!(timeout(100 * READ_WITHIN, places.are_free()).await.is_err());
        reply.send(Ok(HandoffAnswer { pid: 7, moved: 0, stayed: BTreeMap::new(), longest_pause_ms: 0.0 })).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"pid\": 7"), "{answer}");
    }
}
