//! Every timer of a session acts when its time is over, and at most a tenth of it or a second later. Those of
//! what is written are [`Guarded`]'s own to test.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ResolvesServerCertUsingSni;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};

use super::lateness::{Late, RequestDeadline, late};
use super::rest::HeadTimes;
use crate::config::{EndpointAddress, ResolverSettings};
use crate::drain::Incarnation;
use crate::endpoint::Pool;
use crate::endpoint::{EndpointConnection, OpenedUnder};
use crate::endpoint::{Upload, UploadLimits, UploadSent};
use crate::net::{self, ConnectOptions, DialError, Guarded, Network, TlsError, TlsStream, Unsent, dial};
use crate::snapshot::Retirement;

const HOUR: Duration = Duration::from_secs(3600);

/// Plays `play` with several times; it says how long the timer took.
async fn acts_in_time(name: &str, play: impl AsyncFn(Duration) -> Duration) {
    for time in [1, 4, 60].map(Duration::from_secs) {
        let took = play(time).await;
        let latest = time + Duration::from_secs(1).max(time / 10);
        assert!((time..=latest).contains(&took), "{name} of {time:?} acts after {took:?}");
    }
}

/// A client's connection whose heads have these times.
fn client(head: Duration, rest: Duration) -> DuplexStream {
    let (client, ours) = duplex(1024);
    let stream = Guarded::new(ours, HOUR);
    let service =
        service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) });
    let mut builder = http1::Builder::new();
    builder.timer(HeadTimes::new(head, rest, stream.read_activity(), Unsent::default())).header_read_timeout(head);
    tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
    client
}

/// How long it takes until the connection ends.
async fn ends(mut client: DuplexStream) -> Duration {
    let start = Instant::now();
    // By an error or not.
    let _ = client.read_to_end(&mut Vec::new()).await;
    start.elapsed()
}

async fn answered(mut client: DuplexStream) -> DuplexStream {
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(client.read(&mut [0; 1024]).await.unwrap() > 0);
    client
}

#[tokio::test(start_paused = true)]
async fn head_timeout_is_punctual() {
    acts_in_time("head_timeout of a first head", async |time| ends(client(time, HOUR)).await).await;
    acts_in_time("head_timeout of a slow head", async |time| {
        let mut client = client(time, HOUR);
        client.write_all(b"GET").await.unwrap();
        ends(client).await
    })
    .await;
    acts_in_time("head_timeout after a rest", async |time| {
        let mut client = answered(client(time, HOUR)).await;
        sleep(10 * time).await;
        client.write_all(b"GET").await.unwrap();
        ends(client).await
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rest_timeout_is_punctual() {
    acts_in_time("rest_timeout", async |time| ends(answered(client(HOUR, time)).await).await).await;
}

/// The upload of a client that sends a part of its body after a while and then nothing more; with the client.
async fn stalling(time: Duration) -> (Upload, DuplexStream, UploadSent) {
    let (mut client, ours) = duplex(1024);
    let (sender, mut uploads) = mpsc::channel(1);
    let limits = UploadLimits { deadline: time, most: None };
    let service = service_fn(move |request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(Upload::new(request.into_body().into(), None, limits)).await;
            pending::<Result<Response<Empty<Bytes>>, Infallible>>().await
        }
    });
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(ours), service));
    client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nbody").await.unwrap();
    let (upload, sent) = uploads.recv().await.unwrap();
    (upload, client, sent)
}

#[tokio::test(start_paused = true)]
async fn body_timeout_of_a_client_is_punctual() {
    acts_in_time("body_timeout", async |time| {
        let (mut upload, mut client, _sent) = stalling(time).await;
        assert!(upload.frame().await.unwrap().is_ok());
        // What comes just in time begins it anew.
        let (more, ()) = tokio::join!(upload.frame(), async {
            sleep(time * 9 / 10).await;
            client.write_all(b"more").await.unwrap();
        });
        assert!(more.unwrap().is_ok());
        let start = Instant::now();
        assert!(upload.frame().await.unwrap().is_err());
        start.elapsed()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn response_timeout_counts_from_the_end_of_the_request() {
    acts_in_time("response_timeout", async |time| {
        let (upload, _client, sent) = stalling(HOUR).await;
        let upload_takes = 10 * time;
        tokio::spawn(async move {
            sleep(upload_takes).await;
            drop(upload);
        });
        let start = Instant::now();
        late(sent, time, None).await;
        start.elapsed() - upload_takes
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn request_timeout_is_the_endpoints_fault_where_it_had_the_request_for_most_of_it() {
    let time = Duration::from_secs(10);
    for (upload_takes, expected) in [(0, Some(Late::Request)), (5, Some(Late::Request)), (6, None)] {
        let (upload, _client, sent) = stalling(HOUR).await;
        let deadline = RequestDeadline { at: Instant::now() + time, time };
        tokio::spawn(async move {
            sleep(Duration::from_secs(upload_takes)).await;
            drop(upload);
        });
        let late = timeout(2 * time, late(sent, HOUR, Some(deadline))).await;
        assert_eq!(late.ok(), expected, "{upload_takes}");
    }
}

#[tokio::test(start_paused = true)]
async fn tls_timeout_is_punctual() {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(builder.with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for turns in [0, 1] {
        acts_in_time("tls_timeout", async |time| {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (ours, _) = listener.accept().await.unwrap();
            // The start of a record that never comes.
            client.write_all(&[22, 3, 1, 1, 0]).await.unwrap();
            let (start, semaphore) = (Instant::now(), Semaphore::new(turns));
            let shaken = TlsStream::accept_within(ours.into(), Arc::clone(&config), None, &semaphore, time);
            let error = shaken.await.unwrap_err().error;
            assert!(matches!((turns, &error), (1, TlsError::TimedOut) | (0, TlsError::NoTurn)), "{turns}: {error:?}");
            start.elapsed()
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn connect_timeout_is_punctual() {
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let _waiting = TcpStream::connect(address).await.unwrap();
    let names = ResolverSettings { servers: Vec::new(), min_ttl: HOUR, max_ttl: HOUR, timeout: HOUR };
    let network = Network::of_the_system(names);
    acts_in_time("connect_timeout", async |time| {
        let start = Instant::now();
        assert!(matches!(
            dial(&network, &EndpointAddress::Socket(address), &ConnectOptions::default(), time).await,
            Err(DialError::TimedOut)
        ));
        start.elapsed()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_punctual() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    acts_in_time("keep_alive", async |time| {
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut endpoint, _) = listener.accept().await.unwrap();
        let connection = EndpointConnection::open(net::Stream::Plain(ours.into()), HOUR).await.unwrap();
        let pool = Arc::new(Pool::new(Arc::new(Semaphore::new(1))));
        let start = Instant::now();
        pool.rest((Incarnation(1), &Retirement::default()), (connection, OpenedUnder::default()), time);
        assert_eq!(endpoint.read(&mut [0; 16]).await.unwrap(), 0);
        start.elapsed()
    })
    .await;
}
