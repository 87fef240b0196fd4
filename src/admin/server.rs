//! Serves operators: one HTTP/1.1 connection each, a few at a time.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::places::{ANSWER_WITHIN, OperatorPlace};
use super::respond::respond;
use super::socket::BoundAdmin;
use super::spare::Spare;
use super::steer::READ_WITHIN;
use crate::net::Guarded;

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// Everything: only our user and root get here.
    All,
    /// Looking, under suspicion.
    Reading,
}

/// Serves operators until `end`; who is connected then is answered, and no more than that.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve(bound: BoundAdmin, context: Arc<Context>, end: impl Future<Output = ()>) -> io::Result<()> {
    let places = &context.places;
    let spare = Arc::new(Spare::filled());
    let serving = async {
        match bound {
            BoundAdmin::Unix(listener, file) => {
                let listener = UnixListener::from_std(listener)?;
                // The file goes when the socket does.
                let _file = file;
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => spawn(stream, Rights::All, &context, places.take().await, &spare),
                        Err(error) => rest(&error, &spare).await,
                    }
                }
            }
            BoundAdmin::Loopback(listener) => {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => spawn(stream, Rights::Reading, &context, places.take().await, &spare),
                        Err(error) => rest(&error, &spare).await,
                    }
                }
            }
        }
    };
    tokio::select! {
        failed = serving => failed,
        () = end => {
            // Not before nobody is accepted any more: who keeps a connection asks elsewhere from now on.
            places.dismiss();
            Ok(())
        }
    }
}

/// Waits before the next is accepted, unless there is a descriptor for it at once.
async fn rest(error: &io::Error, spare: &Spare) {
    if spare.give_way(error) {
        return;
    }
    tracing::warn!(%error, "cannot accept at the admin listener");
    sleep(Duration::from_millis(500)).await;
    spare.refill();
}

fn spawn<S>(stream: S, rights: Rights, context: &Arc<Context>, place: OperatorPlace, spare: &Arc<Spare>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (context, guest) = (Arc::clone(context), place.guest());
    let service = service_fn(move |request| {
        let (context, at_work) = (Arc::clone(&context), guest.at_work());
        async move {
            let answer = respond(&context, rights, request).await;
            drop(at_work);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_WITHIN)
        .serve_connection(TokioIo::new(Guarded::new(stream, READ_WITHIN)), service);
    let spare = Arc::clone(spare);
    tokio::spawn(async move {
        let (mut connection, mut place) = (Box::pin(connection), place);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = place.is_needed() => {
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
        // Its descriptor is the next operator's, before anybody else has it.
        drop(connection);
        spare.refill();
    });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::mpsc;

    use super::super::command::{AdminCommand, channel};
    use super::super::notes::Notes;
    use super::super::places::Places;
    use super::super::wire::HandoffAnswer;
    use super::*;
    use crate::config::parse;
    use crate::net::Network;
    use crate::process::{Room, Workers};
    use crate::session::Proxy;
    use crate::snapshot::{FileContents, Snapshot};
    use crate::tls::TicketKeys;

    const SITE: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = ["127.0.0.1:1"]
"#;

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
        let settings = parse(SITE, Path::new("test.toml")).unwrap();
        let snapshot =
            Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), None);
        let room = Room { descriptors: 0, tunnels: 1, resting: 0 };
        let network = Network::of_the_system(snapshot.settings.resolver.clone());
        let proxy = Proxy::new(snapshot, Workers::start(1).unwrap(), room, network);
        let (sender, commands) = channel();
        let (notes, predecessors) = (Arc::new(Notes::new(None)), Arc::default());
        let context = Arc::new(Context { proxy, notes, predecessors, commands: sender, places: Places::default() });
        let (mut stream, served) = duplex(buffer);
        let places = context.places.clone();
        spawn(served, Rights::All, &context, places.take().await, &Arc::default());
        stream.write_all(format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        Operator { stream, commands, places }
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_holds_no_place_for_ever() {
        let operator = asking("GET /metrics", 64).await;
        assert!(timeout(2 * READ_WITHIN, operator.places.are_free()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_may_take_longer_than_any_reader() {
        let Operator { mut stream, mut commands, places } = asking("POST /handoff", 4096).await;
        let Some(AdminCommand::HandOff(reply)) = commands.recv().await else { panic!("it is told to hand over") };
        assert!(timeout(100 * READ_WITHIN, places.are_free()).await.is_err());
        reply.send(Ok(HandoffAnswer { pid: 7 })).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"pid\": 7"), "{answer}");
    }
}
