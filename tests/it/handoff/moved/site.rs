//! A proxy that hands over, and tunnels through it whose ends are the test's, in bytes.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};

use rustls::version::TLS13;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::endpoint_tls::authority::write;
use crate::endpoint_tls::endpoint::TlsEndpoint;
use crate::handoff::chat::{Chat, Client};
use crate::handoff::succession::hand_off;
use crate::handoff::world::World;
use crate::http2_front::client::Http2Client;
use crate::rig::{Authority, Config, Endpoint, Frame, Handshake, PROGRAM, Wire, command, output};

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
}

impl Site {
    /// One that runs, with these keys in its configuration.
    pub(crate) async fn started(keys: &[(&str, &str)]) -> Self {
        let (authority, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
        let tls_endpoint = TlsEndpoint::listen(authority.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
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
        let mut client: End = match way {
            Way::Plain => boxed(Wire::connect(self.plain).await),
            Way::Http2 => {
                let client =
                    Http2Client::over(TcpStream::connect(self.plain).await.unwrap(), &h2::client::Builder::new()).await;
                let (client, endpoint) = client.tunnel("/chat", &self.endpoint).await;
                return Ends { client: boxed(client), endpoint: boxed(endpoint) };
            }
            Way::Tls | Way::TlsTwice | Way::Tls12 => {
                let client = if way == Way::Tls12 { self.client.of_tls12() } else { self.client.clone() };
                let stream = client.session().await.unwrap().0;
                stream.get_ref().0.set_nodelay(true).unwrap();
                boxed(Wire::new(stream))
            }
        };
        let handshake = Handshake::new().but("host", "site.test");
        let (request, endpoint) = match way {
            Way::Plain | Way::Tls | Way::Tls12 | Way::Http2 => (handshake, None),
            Way::TlsTwice => (handshake.request("GET /twice HTTP/1.1"), Some(&self.tls_endpoint)),
        };
        client.send(request.bytes()).await;
        let endpoint = match endpoint {
            Some(endpoint) => boxed(endpoint.grant().await),
            None => boxed(self.endpoint.grant().await),
        };
        let head = client.head().await;
        assert_eq!(head.status(), 101, "{head:?}");
        Ends { client, endpoint }
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
