//! A windlass process of our own, endpoints behind it and clients in front of it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};
use tungstenite::Message;

use crate::rig::PATIENCE;

/// A windlass process; killed when it is dropped.
pub(crate) struct Windlass {
    pub(crate) folder: TempDir,
    child: Child,
}

/// The process that serves after a handoff; ended when this is dropped.
pub(crate) struct Successor(pub(crate) Pid);

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

impl Windlass {
    /// Starts one with `config`, where `ADMIN` stands for a unix socket of its own.
    pub(crate) async fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(&folder, config);
        let windlass = Self::start_in(folder);
        windlass.serves().await;
        windlass
    }

    /// Starts one with `config`, whose log goes there.
    pub(crate) async fn start_with_log(config: &str, log: impl Into<Stdio>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(&folder, config);
        let windlass = Self::run_in(folder, log.into());
        windlass.serves().await;
        windlass
    }

    /// The same, where `config` has nobody to ask.
    pub(crate) async fn start_silent(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(&folder, config);
        let windlass = Self::start_in(folder);
        wait_for("the process to be ready", async || windlass.log().contains("\"message\":\"ready\"")).await;
        windlass
    }

    /// Starts one in a folder that has its configuration.
    pub(crate) fn start_in(folder: TempDir) -> Self {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        Self::run_in(folder, log.into())
    }

    fn run_in(folder: TempDir, log: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.args(["run", "-c"]).arg(folder.path().join("windlass.toml"));
        Self::spawn(folder, command, log)
    }

    /// Starts one with `config` that may open so many descriptors.
    pub(crate) async fn with_descriptors(count: u64, config: &str) -> Self {
        Self::start_through(&["sh", "-c", &format!("ulimit -n {count} && exec \"$@\""), "sh"], config).await
    }

    /// Starts one with `config` through a program that becomes what it is given.
    pub(crate) async fn start_through(program: &[&str], config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(&folder, config);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let (program, arguments) = program.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).args([env!("CARGO_BIN_EXE_windlass"), "run", "-c"]);
        command.arg(folder.path().join("windlass.toml"));
        let windlass = Self::spawn(folder, command, log.into());
        windlass.serves().await;
        windlass
    }

    fn spawn(folder: TempDir, mut command: Command, log: Stdio) -> Self {
        let child = command.stderr(log).kill_on_drop(true).spawn().unwrap();
        Self { folder, child }
    }

    /// Waits until it answers operators.
    pub(crate) async fn serves(&self) {
        wait_for("the process to serve", async || self.ask(&["status"]).await.status.success()).await;
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("windlass.toml")
    }

    pub(crate) fn rewrite(&self, config: &str) {
        write_config(&self.folder, config);
    }

    /// Runs a command against it.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Output {
        self.ask_with(&self.config().display().to_string(), arguments).await
    }

    pub(crate) async fn ask_with(&self, config: &str, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
            .args([command, "-c", config])
            .args(rest)
            .kill_on_drop(true)
            .output();
        timeout(PATIENCE, output).await.expect("a command ends").unwrap()
    }

    /// Hands over to another process.
    pub(crate) async fn hand_off(&self) -> Successor {
        let output = self.ask(&["handoff", "--json"]).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let pid = serde_json::from_slice::<Value>(&output.stdout).unwrap()["pid"].as_i64().unwrap();
        Successor(Pid::from_raw(pid.try_into().unwrap()).unwrap())
    }

    pub(crate) async fn status(&self) -> Value {
        let output = self.ask(&["status", "--json"]).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)))
    }

    pub(crate) async fn address(&self, listener: &str) -> SocketAddr {
        let status = self.status().await;
        let listeners = status["listeners"].as_array().unwrap().clone();
        let found = listeners.iter().find(|it| it["name"] == listener).unwrap();
        found["address"].as_str().unwrap().parse().unwrap()
    }

    /// Connects as the user `key`, who is always placed the same.
    pub(crate) async fn connect(&self, key: &str) -> Result<Client, tungstenite::Error> {
        Client::connect(self.address("public").await, key).await
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap()
    }

    /// Waits for its end; whether that was a success.
    pub(crate) async fn ended(mut self) -> bool {
        timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap().success()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

pub(crate) fn write_config(folder: &TempDir, config: &str) {
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    let file = folder.path().join("windlass.toml");
    let new = folder.path().join("windlass.toml.new");
    fs::write(&new, config.replace("ADMIN", &admin)).unwrap();
    fs::rename(new, file).unwrap();
}

/// An endpoint that says its name and then echoes.
pub(crate) async fn endpoint(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = accept_async(stream).await?;
                socket.send(Message::text(name)).await?;
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() {
                        socket.send(message).await?;
                    }
                }
                Ok::<_, tungstenite::Error>(())
            });
        }
    });
    address
}

/// A client with an open tunnel.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    /// The name of its endpoint.
    pub(crate) endpoint: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> Result<Self, tungstenite::Error> {
        Self::open(address, &format!("/?k={key}")).await
    }

    pub(crate) async fn open(address: SocketAddr, target: &str) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(address).await?;
        let (socket, _) = client_async(format!("ws://{address}{target}"), stream).await?;
        let mut client = Self { socket, endpoint: String::new() };
        client.endpoint = client.read().await;
        Ok(client)
    }

    async fn read(&mut self) -> String {
        let message = timeout(PATIENCE, self.socket.next()).await.expect("a message").unwrap().unwrap();
        message.into_text().unwrap().to_string()
    }

    /// Whether the tunnel carries a message there and back.
    pub(crate) async fn assert_open(&mut self) {
        assert_eq!(self.echo("still there?").await, "still there?");
    }

    pub(crate) async fn echo(&mut self, text: &str) -> String {
        self.say(text).await;
        self.read().await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The code and the reason of the Close that comes.
    pub(crate) async fn closed(mut self) -> (u16, String) {
        let closed = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    other => panic!("no Close, but {other:?}"),
                }
            }
        };
        let close = timeout(PATIENCE, closed).await.expect("a Close");
        // Answers the Close.
        while let Some(Ok(_)) = self.socket.next().await {}
        close
    }
}

/// What a command wrote.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) async fn wait_for(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
