//! The clients that operators have, against our stream: openssl, curl and Python. Each meets it twice: as it is, and carried over
//! from a plain value before every read.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use windlass::net::{FrozenStream, Stream, TlsStream};

use crate::tls::site::Site;

/// What a `GET` is answered with.
const PAGE: usize = 300_000;
/// What ends an echo.
const BYE: &str = "bye\n";

#[test]
#[ignore = "openssl must be installed"]
fn openssl_is_echoed_in_both_versions() {
    for server in Server::both() {
        let said = (0..20_000).map(|n| format!("line {n}\n")).collect::<String>() + BYE;
        for version in ["-tls1_2", "-tls1_3"] {
            for fragments in [&[][..], &["-max_send_frag", "512"]] {
                let mut openssl = server.openssl(&[&[version, "-quiet"], fragments].concat());
                let heard = openssl.says_and_hears(said.as_bytes().to_vec());

                assert!(heard == said, "{version} {fragments:?}: {} bytes", heard.len());
            }
        }
    }
}

#[test]
#[ignore = "openssl must be installed"]
fn openssl_resumes_by_ticket() {
    for server in Server::both() {
        for version in ["-tls1_2", "-tls1_3"] {
            let session = server.site.path(version);
            let session = session.to_str().unwrap();

            let first = server.openssl(&[version, "-ign_eof", "-sess_out", session]).says_and_hears(BYE.into());
            let second = server.openssl(&[version, "-ign_eof", "-sess_in", session]).says_and_hears(BYE.into());

            assert!(first.contains("\nNew, "), "{first}");
            assert!(second.contains("\nReused, "), "{second}");
        }
    }
}

#[test]
#[ignore = "openssl must be installed"]
fn openssl_changes_its_keys_and_asks_for_ours() {
    for server in Server::both() {
        let mut openssl = server.openssl(&["-tls1_3", "-quiet", "-no_ign_eof", "-msg"]);

        openssl.say("before\n");
        openssl.hear("before");
        openssl.say("K\n");
        openssl.hear(">>> TLS 1.3, Handshake [length 0005], KeyUpdate");
        openssl.say("after\n");
        openssl.hear("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
        openssl.hear("after");
    }
}

#[test]
#[ignore = "openssl must be installed"]
fn a_renegotiation_is_declined() {
    for server in Server::both() {
        let mut openssl = server.openssl(&["-tls1_2", "-quiet", "-no_ign_eof", "-msg"]);

        openssl.say("before\n");
        openssl.hear("before");
        openssl.say("R\n");
        openssl.hear("<<< TLS 1.2, Alert [length 0002], warning no_renegotiation");
    }
}

#[test]
#[ignore = "curl must be installed"]
fn curl_gets_a_page_in_both_versions() {
    for server in Server::both() {
        let port = server.address.port();
        for version in ["1.2", "1.3"] {
            let output = Command::new("curl")
                .args(["--silent", "--show-error", "--max-time", "60", "--http1.1"])
                .args(["--tlsv1.2", "--tls-max", version])
                .args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--cacert"])
                .arg(server.site.path("chain.pem"))
                .arg(format!("https://localhost:{port}/"))
                .output()
                .expect("curl is installed");

            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout.len(), PAGE);
        }
    }
}

#[test]
#[ignore = "python3 must be installed"]
fn python_is_echoed_resumes_and_closes_both_ways() {
    const SCRIPT: &str = r#"
import socket, ssl, sys, threading
port, chain = int(sys.argv[1]), sys.argv[2]
data = bytes(range(256)) * 4096
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context = ssl.create_default_context(cafile=chain)
    context.minimum_version = context.maximum_version = version
    session = None
    for reused in False, True:
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            writer = threading.Thread(target=tls.sendall, args=(data,))
            writer.start()
            echo = b""
            while len(echo) < len(data):
                echo += tls.recv(65536)
            writer.join()
            assert echo == data
            assert tls.session_reused == reused, (version, reused)
            session = tls.session
            tls.unwrap()
"#;
    for server in Server::both() {
        let output = Command::new("python3")
            .args(["-c", SCRIPT, &server.address.port().to_string()])
            .arg(server.site.path("chain.pem"))
            .output()
            .expect("python3 is installed");

        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Echoes until it is told `bye`, and serves a page.
struct Server {
    site: Site,
    address: SocketAddr,
    /// What it runs on; it ends with it.
    _runtime: Runtime,
}

/// A running `openssl s_client`.
struct Openssl {
    process: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

/// What the server does before every read.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    /// Writes its end down and goes on with what is read of that, where it can.
    CarryOver,
}

impl Server {
    fn both() -> [Self; 2] {
        [Before::Nothing, Before::CarryOver].map(Self::start)
    }

    fn start(before: Before) -> Self {
        let site = Site::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::clone(&site.server);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let config = Arc::clone(&config);
                tokio::spawn(async move { serve(socket, config, before).await });
            }
        });
        Self { site, address, _runtime: runtime }
    }

    fn openssl(&self, options: &[&str]) -> Openssl {
        let mut process = Command::new("timeout")
            .args(["60", "openssl", "s_client", "-connect", &self.address.to_string(), "-servername", "localhost"])
            .args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"])
            .arg(self.site.path("chain.pem"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Openssl { process, input, output }
    }
}

async fn serve(socket: TcpStream, config: Arc<rustls::ServerConfig>, before: Before) -> std::io::Result<()> {
    let mut stream = Stream::Tls(TlsStream::accept(socket.into(), config).await?);
    let mut piece = vec![0; 64 * 1024];
    // The end of what was echoed: the farewell may come in two pieces.
    let mut tail = Vec::new();
    loop {
        if before == Before::CarryOver {
            stream = carried_over(stream);
        }
        let count = stream.read(&mut piece).await?;
        let piece = piece.get(..count).unwrap_or_default();
        tail.extend_from_slice(piece);
        tail.drain(..tail.len().saturating_sub(BYE.len()));
        if piece.starts_with(b"GET ") {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {PAGE}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&[b'x'; PAGE]).await?;
        } else {
            stream.write_all(piece).await?;
            stream.flush().await?;
        }
        if count == 0 || piece.starts_with(b"GET ") || tail == BYE.as_bytes() {
            return stream.shutdown().await;
        }
    }
}

/// The stream, from what is written of it and a second descriptor; under TLS 1.2 as it was.
fn carried_over(stream: Stream) -> Stream {
    let Ok((frozen, descriptor)) = FrozenStream::of(&stream) else { return stream };
    let (written, descriptor) = (postcard::to_stdvec(&frozen).unwrap(), descriptor.try_clone_to_owned().unwrap());
    drop(stream);
    postcard::from_bytes::<FrozenStream>(&written).unwrap().thaw(descriptor).unwrap()
}

impl Openssl {
    fn say(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).unwrap();
    }

    /// Waits for a line with `needle` in it.
    fn hear(&mut self, needle: &str) {
        let mut heard = String::new();
        loop {
            let mut line = String::new();
            let count = self.output.read_line(&mut line).unwrap();
            assert!(count > 0, "{needle:?} is not in {heard}");
            if line.contains(needle) {
                return;
            }
            heard += &line;
        }
    }

    /// Says it all, and hears all until the server closes.
    fn says_and_hears(&mut self, said: Vec<u8>) -> String {
        let mut heard = String::new();
        thread::scope(|scope| {
            let input = &mut self.input;
            scope.spawn(move || input.write_all(&said).unwrap());
            std::io::Read::read_to_string(&mut self.output, &mut heard).unwrap();
        });
        heard
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
