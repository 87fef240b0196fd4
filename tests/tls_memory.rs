//! What an open TLS connection keeps while it is idle, by the counting of a global allocator.
//!
//! It counts what a thread allocates through Rust, so the clients are on one of their own. What aws-lc takes from malloc
//! itself is not seen. A program of its own, since a program has one allocator.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![expect(unsafe_code, reason = "an allocator cannot be had without")]

#[path = "it/tls/site.rs"]
mod site;
#[path = "it/rig/trust.rs"]
mod trust;

/// What `site` knows by this name in the program that it is a part of.
mod rig {
    pub(crate) use crate::trust::trusting;
}

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::thread;

use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass::net::TlsStream;
use windlass::tls::SecretLog;

use crate::site::Site;

/// Bytes that an idle connection may keep under each version. Measured with rustls 0.23.46: 2,681 and 682, of which
/// tokio's part of the socket is some 250.
const IDLE: [(&SupportedProtocolVersion, isize); 2] = [(&TLS12, 2690), (&TLS13, 700)];

/// The same at the client's end. Under TLS 1.2 the server's certificate stays with it: this one is of some 370 bytes.
const IDLE_CLIENT: [(&SupportedProtocolVersion, isize); 2] = [(&TLS12, 3150), (&TLS13, 700)];

const WARM_UP: usize = 5;
const COUNTED: usize = 50;
const LARGE: usize = 16 * 1024;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// What this thread has allocated and not freed, in bytes.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

#[tokio::test]
async fn an_idle_connection_keeps_little_whatever_has_passed_through_it() {
    let site = Site::new();
    for (version, most) in IDLE {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients = (0..WARM_UP + COUNTED).map(|_| site.client(version)).collect();
        let clients = thread::spawn(move || talk(clients, address));
        let mut message = vec![0; LARGE];
        let mut open = Vec::with_capacity(WARM_UP + COUNTED);
        let mut before = 0;
        for number in 0..WARM_UP + COUNTED {
            if number == WARM_UP {
                before = HELD.get();
            }
            let (socket, _) = listener.accept().await.unwrap();
            let mut stream = TlsStream::accept(socket.into(), Arc::clone(&site.server)).await.unwrap();
            echo(&mut stream, &mut message[..1]).await;
            open.push(stream);
        }
        let idle = (HELD.get() - before) / COUNTED as isize;
        for stream in &mut open {
            echo(stream, &mut message).await;
        }
        let after = (HELD.get() - before) / COUNTED as isize;
        println!("{:?}: {idle} bytes, {after} after a message of {LARGE}", version.version);
        assert!((1..=most).contains(&idle), "{idle} bytes");
        assert!(after <= most, "{after} bytes");

        open.truncate(WARM_UP);
        // tokio lets go of the sockets themselves when it next looks for events.
        tokio::task::yield_now().await;
        let kept = HELD.get() - before;
        assert!(kept <= most, "{kept} bytes of what was closed");
        drop(open);
        clients.join().unwrap();
    }
}

#[tokio::test]
async fn nor_does_one_with_a_server_keep_more() {
    let site = Site::new();
    for (version, most) in IDLE_CLIENT {
        let listener = StdTcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(&site.server);
        let servers = thread::spawn(move || answer(&listener, &server));
        let mut config = ClientConfig::clone(&site.client_config(version));
        (config.enable_secret_extraction, config.resumption) = (true, Resumption::disabled());
        config.key_log = Arc::new(SecretLog);
        let config = Arc::new(config);
        let mut message = vec![7; LARGE];
        let mut open = Vec::with_capacity(WARM_UP + COUNTED);
        let mut before = 0;
        for number in 0..WARM_UP + COUNTED {
            if number == WARM_UP {
                before = HELD.get();
            }
            let socket = TcpStream::connect(address).await.unwrap();
            let stream = TlsStream::connect(socket.into(), Arc::clone(&config), site::localhost(), Vec::new()).await;
            let mut stream = stream.unwrap();
            ask(&mut stream, &mut message).await;
            open.push(stream);
        }
        let idle = (HELD.get() - before) / COUNTED as isize;
        println!("{:?} with a server: {idle} bytes after a message of {LARGE}", version.version);
        assert!((1..=most).contains(&idle), "{idle} bytes");
        drop(open);
        servers.join().unwrap();
    }
}

async fn ask(stream: &mut TlsStream, message: &mut [u8]) {
    stream.write_all(message).await.unwrap();
    stream.flush().await.unwrap();
    stream.read_exact(message).await.unwrap();
}

/// The servers: each a large message and its echo, then until the client leaves.
fn answer(listener: &StdTcpListener, config: &Arc<ServerConfig>) {
    let mut message = vec![0; LARGE];
    let mut open = Vec::new();
    for _ in 0..WARM_UP + COUNTED {
        let server = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut stream = StreamOwned::new(server, listener.accept().unwrap().0);
        stream.read_exact(&mut message).unwrap();
        stream.write_all(&message).unwrap();
        open.push(stream);
    }
    for stream in &mut open {
        assert!(stream.read(&mut [0]).is_err(), "the client says no goodbye");
    }
}

async fn echo(stream: &mut TlsStream, message: &mut [u8]) {
    stream.read_exact(message).await.unwrap();
    stream.write_all(message).await.unwrap();
    stream.flush().await.unwrap();
}

/// The clients: each a byte and its echo, then each a large message, then until the server leaves.
fn talk(clients: Vec<ClientConnection>, server: SocketAddr) {
    let mut message = vec![7; LARGE];
    let mut open = Vec::new();
    for client in clients {
        let mut stream = StreamOwned::new(client, StdTcpStream::connect(server).unwrap());
        stream.write_all(&message[..1]).unwrap();
        stream.read_exact(&mut message[..1]).unwrap();
        open.push(stream);
    }
    for stream in &mut open {
        stream.write_all(&message).unwrap();
        stream.read_exact(&mut message).unwrap();
    }
    for stream in &mut open {
        assert!(stream.read(&mut [0]).is_err(), "the server says no goodbye");
    }
}

/// The system's allocator, with a tally of each thread.
struct Counting;

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tally(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        tally(-layout.size().cast_signed());
        // SAFETY: `pointer` came from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn tally(bytes: isize) {
    // A thread that ends frees what its thread-locals held.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}
