//! Accepts operators at one listener, until it ends.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::connection::converse;
use super::socket::BoundAdmin;
use crate::admin::context::Context;
use crate::admin::door::{Arrival, Door, Reception, Spare};

/// A socket that is listened to.
enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Serves operators until `end`; who is connected then is answered, and no more than that.
///
/// # Errors
/// The runtime does not take the socket.
pub async fn serve(
    bound: BoundAdmin,
    door: Arc<Door>,
    context: Arc<Context>,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let spare = Spare::filled();
    let reception = Arc::new(Reception { door, context, spare, handshakes: Semaphore::new(HANDSHAKES) });
    let places = reception.context.places.of_new_listener();
    let serving = async {
        // The file goes when the socket does.
        let (listener, _file) = match bound {
            BoundAdmin::Unix(listener, file) => (Listener::Unix(UnixListener::from_std(listener)?), file),
            BoundAdmin::Tcp(listener) => (Listener::Tcp(TcpListener::from_std(listener)?), None),
        };
        loop {
            match listener.accept().await {
                Ok(arrival) => {
                    let place = places.take(arrival.from()).await;
                    converse(arrival, Arc::clone(&reception), place);
                }
                Err(error) => rest(&error, &reception.spare).await,
            }
        }
    };
    tokio::select! {
        failed = serving => failed,
        () = end => {
            // Not before nobody is accepted any more: who keeps a connection asks elsewhere, or under other rules, from now on.
            reception.door.end();
            places.dismiss();
            Ok(())
        }
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Arrival::Unix(stream)),
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Arrival::Tcp(stream, peer)),
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

/// Each takes about a millisecond of the thread that decides things, too.
const HANDSHAKES: usize = 4;
