//! Shared connections in virtual time.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{Rest, SharedConnection};
use super::failure::{NotOpened, StreamFailure};
use super::liveness::{LOOK_EVERY, PONG_WITHIN};
use super::opening::open;
use crate::http::forward::Scheme;
use crate::http::http2::Origin;
use crate::net::{SimulatedSocket, Socket};
use crate::snapshot::Retirement;

const MINUTE: Duration = Duration::from_secs(60);

fn origin() -> Origin {
    Origin { scheme: Scheme::Http, authority: Authority::from_static("a") }
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (stream, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn who_speaks_something_else_is_found_out() {
    let (ours, mut theirs) = pair().await;
    let opening = tokio::spawn(open((ours, origin()), MINUTE, MINUTE));
    theirs.read_exact(&mut [0; 24]).await.unwrap();
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
    // With unread input: a reset.
    drop(theirs);
    let opened = timeout(Duration::from_secs(5), opening).await.unwrap().unwrap();
    assert!(matches!(opened, Err(NotOpened::Nonsense(_))));
}

/// A connection, driven, and an endpoint that has opened it and then does what `play` says with its own side.
async fn driven<F: Future<Output = ()> + Send + 'static>(
    keep_alive: Option<Duration>,
    play: impl FnOnce(h2::server::Connection<Socket, Bytes>) -> F + Send + 'static,
) -> SharedConnection {
    // In memory: virtual time passes while a kernel has what is under way.
    let (ours, theirs) = SimulatedSocket::pair(Duration::ZERO);
    let (ours, theirs) = (Socket::Simulated(ours), Socket::Simulated(theirs));
    tokio::spawn(async move { play(h2::server::handshake(theirs).await.unwrap()).await });
    let (shared, driver) = open((ours, origin()), MINUTE, MINUTE).await.unwrap();
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().ok();
    tokio::spawn(driver.run(Rest { keep_alive, permit, retirement: Retirement::default() }, || ()));
    shared
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_is_found_out_by_a_ping() {
    let shared = driven(Some(MINUTE), async |mut connection| {
        let _asked = connection.accept().await.unwrap().unwrap();
        // From now on nobody reads what comes.
        pending::<()>().await;
    });
    let shared = shared.await;
    let slot = shared.take_slot().unwrap();
    let mut sender = slot.sender.clone().ready().await.unwrap();
    let begun = Instant::now();
    let (answer, _) = sender.send_request(Request::get("http://a/").body(()).unwrap(), true).unwrap();
    let failure = slot.failure(answer.await.unwrap_err());
    assert!(matches!(failure, StreamFailure::Dead(_)), "{failure}");
    let took = begun.elapsed();
    assert!(took <= 2 * LOOK_EVERY + PONG_WITHIN + Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_only_slow_lives() {
    const SLOW: Duration = Duration::from_secs(200);
    let shared = driven(Some(MINUTE), async |mut connection| {
        let (_, mut answer) = connection.accept().await.unwrap().unwrap();
        let answering = async move {
            sleep_until(Instant::now() + SLOW).await;
            answer.send_response(Response::new(()), true).unwrap();
            pending::<()>().await;
        };
        tokio::join!(answering, async { while connection.accept().await.is_some() {} });
    });
    let slot = shared.await.take_slot().unwrap();
    let mut sender = slot.sender.clone().ready().await.unwrap();
    let (answer, _) = sender.send_request(Request::get("http://a/").body(()).unwrap(), true).unwrap();
    assert!(answer.await.unwrap().status().is_success());
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_punctual() {
    for time in [1, 4, 60].map(Duration::from_secs) {
        let (told, ended) = oneshot::channel();
        let shared = driven(Some(time), async |mut connection| {
            while connection.accept().await.is_some() {}
            let _ = told.send(());
        });
        let shared = shared.await;
        drop(shared.take_slot());
        let begun = Instant::now();
        // As its pool does when it is told to let it go.
        while shared.is_open() {
            sleep_until(Instant::now() + Duration::from_millis(100)).await;
        }
        drop(shared);
        ended.await.unwrap();
        let (took, latest) = (begun.elapsed(), time + Duration::from_secs(1).max(time / 10));
        assert!(
            (time - Duration::from_millis(1)..=latest).contains(&took),
            "keep_alive of {time:?} acts after {took:?}"
        );
    }
}
