//! A proxy that hands over, and tunnels through it whose ends are the test's, in bytes.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::pin::pin;

use rustls::SupportedProtocolVersion;
use rustls::version::TLS13;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::endpoint_tls::authority::write;
use crate::endpoint_tls::endpoint::TlsEndpoint;
use crate::handoff::chat::{Chat, Client};
use crate::handoff::succession::hand_off;
use crate::handoff::world::World;
use crate::http2_front::client::Http2Client;
use crate::rig::{Authority, Config, Endpoint, Frame, Handshake, Head, Opcode, PROGRAM, Wire, command, output, within};

/// A proxy with a plain listener and one with TLS, before a plain endpoint and one with TLS.
pub(crate) struct Site {
    pub(crate) world: World,
    /// The process that serves.
    pub(crate) main: u32,
    endpoint: Endpoint,
    tls_endpoint: TlsEndpoint,
    client: Client,
    plain: SocketAddr,
    _authority: TempDir,
}

/// Where a tunnel has TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    /// Its client's side has.
    Tls,
    /// Both sides have.
    TlsTwice,
    /// Its client's side has an old one.
    Tls12,
    /// It is a stream of a connection of HTTP/2.
    Http2,
}

impl Way {
    /// Those that move.
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Tls, Self::TlsTwice];
}

/// One end of a tunnel.
pub(crate) type End = Wire<Box<dyn Bytes>>;

/// A stream of one kind or another.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// Both ends of a tunnel.
pub(crate) struct Ends {
    pub(crate) client: End,
    pub(crate) endpoint: End,
}

impl Ends {
    /// A message goes there, and one back.
    pub(crate) async fn assert_carry(&mut self) {
        let Self { client, endpoint } = self;
        client.send(Frame::text("there").by_client()).await;
        assert_eq!(endpoint.frame().await, Frame::text("there"));
        endpoint.send(Frame::text("back").by_endpoint()).await;
        assert_eq!(client.frame().await, Frame::text("back"));
    }

    /// Waits beside the test for the Close of each end, and answers it; returns the code and the reason that the client reads.
    pub(crate) fn closing(self) -> JoinHandle<(u16, String)> {
        let Self { mut client, mut endpoint } = self;
        tokio::spawn(async move {
            let at_client = close(&mut client).await;
            client.try_send(at_client.by_client()).await;
            let at_endpoint = close(&mut endpoint).await;
            assert_eq!(at_endpoint.close_code(), Some(1001), "{at_endpoint:?}");
            endpoint.try_send(at_endpoint.by_endpoint()).await;
            let code = at_client.close_code().unwrap_or_else(|| panic!("{at_client:?}"));
            (code, String::from_utf8(at_client.payload[2..].to_vec()).unwrap())
        })
    }
}

/// The Close that comes, and nothing before it but pings.
async fn close(end: &mut End) -> Frame {
    loop {
        let frame = end.frame().await;
        match frame.opcode {
            Opcode::Ping => {}
            Opcode::Close => return frame,
            _ => panic!("{frame:?}"),
        }
    }
}

impl Site {
    /// One that runs, with these keys in its configuration.
    pub(crate) async fn started(keys: &[(&str, &str)]) -> Self {
        Self::started_before(&TLS13, keys).await
    }

    /// The same, before an endpoint that speaks this version of TLS alone.
    pub(crate) async fn started_before(version: &'static SupportedProtocolVersion, keys: &[(&str, &str)]) -> Self {
        let (authority, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
        let tls_endpoint = TlsEndpoint::listen(authority.issue(&["127.0.0.1"]).serving(&[version], None)).await;
        let endpoint = Endpoint::listen().await;
        let ca = write(folder.path(), "ca.pem", &authority.pem());
        let config = Config::chat([endpoint.address()])
            .with("listener.plain.bind", "\"127.0.0.1:0\"")
            .with("route.twice.path", "\"/twice\"")
            .with("route.twice.upstream", "\"twice\"")
            .endpoints("twice", [tls_endpoint.address()])
            .with("upstream.twice.tls", &format!("{{ ca = {ca:?} }}"));
        let config = keys.iter().fold(config, |config, (key, value)| config.with(key, value));
        let Chat { mut world, mut client } = Chat::of(config, "");
        let program = world.folder.path("program");
        symlink(PROGRAM, &program).unwrap();
        let main = world.start_with(world.command(program.to_str().unwrap(), &[])).await;
        client.proxy = world.folder.address("public").await;
        let plain = world.folder.address("plain").await;
        Self { world, main, endpoint, tls_endpoint, client, plain, _authority: folder }
    }

    /// A tunnel.
    pub(crate) async fn open(&self, way: Way) -> Ends {
        match way {
            Way::Http2 => self.open_over_http2().await,
            _ => self.open_with(way, &[]).await.0,
        }
    }

    /// A tunnel whose request has these lines too, and the answer by which it opened.
    pub(crate) async fn open_with(&self, way: Way, lines: &[(&str, &str)]) -> (Ends, Head) {
        self.try_open(way, lines).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// The same, where it may be refused: then this is how.
    pub(crate) async fn try_open(&self, way: Way, lines: &[(&str, &str)]) -> Result<(Ends, Head), Head> {
        let mut client = self.connect(way).await;
        let handshake = match way {
            Way::TlsTwice => Handshake::new().request("GET /twice HTTP/1.1"),
            _ => Handshake::new(),
        };
        let handshake = handshake.but("host", "site.test");
        let handshake = lines.iter().fold(handshake, |handshake, (name, value)| handshake.with(name, value));
        client.send(handshake.bytes()).await;
        let mut granted = pin!(self.grant(way));
        let (head, endpoint) = tokio::select! {
            biased;
            endpoint = &mut granted => (client.head().await, endpoint),
            head = client.head() => {
                if head.status() != 101 {
                    return Err(head);
                }
                (head, granted.await)
            }
        };
        assert_eq!(head.status(), 101, "{head:?}");
        Ok((Ends { client, endpoint }, head))
    }

    async fn open_over_http2(&self) -> Ends {
        let stream = TcpStream::connect(self.plain).await.unwrap();
        let client = Http2Client::over(stream, &h2::client::Builder::new()).await;
        let (client, endpoint) = client.tunnel("/chat", &self.endpoint).await;
        Ends { client: boxed(client), endpoint: boxed(endpoint) }
    }

    /// A connection for the request of such a tunnel.
    async fn connect(&self, way: Way) -> End {
        let client = match way {
            Way::Plain => return boxed(self.connect_plain().await),
            Way::Tls | Way::TlsTwice => self.client.clone(),
            Way::Tls12 => self.client.of_tls12(),
            Way::Http2 => panic!("its tunnels share a connection"),
        };
        let stream = client.session().await.unwrap().0;
        stream.get_ref().0.set_nodelay(true).unwrap();
        boxed(Wire::new(stream))
    }

    /// A connection without TLS.
    pub(crate) async fn connect_plain(&self) -> Wire {
        Wire::connect(self.plain).await
    }

    /// The next upgrade at the endpoint of such a tunnel, granted.
    async fn grant(&self, way: Way) -> End {
        match way {
            Way::TlsTwice => boxed(self.tls_endpoint.grant().await),
            _ => boxed(self.endpoint.grant().await),
        }
    }

    /// A tunnel of each way.
    pub(crate) async fn open_all(&self) -> Vec<Ends> {
        let mut all = Vec::new();
        for way in Way::ALL {
            all.push(self.open(way).await);
        }
        all
    }

    /// Hands over; all that was open has moved once that is done.
    pub(crate) async fn hand_over(&mut self) {
        self.hand_over_in_part().await;
        let next = self.main;
        self.world.folder.until("the end of the old process", || self.world.running() == [next]).await;
    }

    /// Hands over; not everything moves.
    pub(crate) async fn hand_over_in_part(&mut self) {
        (_, self.main) = hand_off(&self.world, self.main).await;
    }

    /// Hands over without rest until all of these tunnels are closed: what a move began anew would never come to its end.
    pub(crate) async fn hand_over_until_closed<T>(&mut self, closing: &[JoinHandle<T>]) {
        within("the end of tunnels that move without rest", async {
            while !closing.iter().all(JoinHandle::is_finished) {
                self.hand_over().await;
            }
        })
        .await;
    }

    /// Runs a command against the process that serves; what it writes as JSON.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Value {
        let (verb, rest) = arguments.split_first().unwrap();
        let output = output(command(PROGRAM).args([verb, "-c"]).arg(self.world.folder.config()).args(rest)).await;
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Changes the configuration file.
    pub(crate) fn change(&self, from: &str, to: &str) {
        let config = fs::read_to_string(self.world.folder.config()).unwrap();
        assert!(config.contains(from), "{config}");
        self.world.folder.configure(&config.replace(from, to));
    }

    /// Puts a script where the program was, as a package manager does: whole, by a rename.
    pub(crate) fn replace_program(&self, script: &str) {
        let new = self.world.folder.write("program.new", script);
        fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(new, self.world.folder.path("program")).unwrap();
    }

    /// The lines of the log with this message.
    pub(crate) fn lines(&self, message: &str) -> Vec<Value> {
        let log = self.world.folder.log();
        let lines = log.lines().filter(|line| line.contains(message)).map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &Value| line["message"] == message).collect()
    }

    /// The same, as soon as there are so many.
    pub(crate) async fn so_many_lines(&self, message: &str, count: usize) -> Vec<Value> {
        self.world.folder.until(&format!("{count} x {message}"), || self.lines(message).len() >= count).await;
        self.lines(message)
    }
}

fn boxed<S: Bytes + 'static>(wire: Wire<S>) -> End {
    Wire::new(Box::new(wire.stream))
}
