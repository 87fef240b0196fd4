//! The feed of the dashboard, and the files of its page, as operators read them over TCP and over the unix socket.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::operate::tcp::{ask, free_port};
use crate::operate::two_endpoints;
use crate::rig::{Program, within};

/// Somebody who looks.
struct Looker<S> {
    stream: S,
    /// What came and was not read yet.
    unread: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Looker<S> {
    async fn new(mut stream: S, host: &str) -> Self {
        stream.write_all(format!("GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        Self { stream, unread: String::new() }
    }

    /// The next piece of the stream that ends like this.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some((before, after)) = self.unread.split_once(end) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.unread = after;
                return before;
            }
            let mut buffer = [0; 4096];
            let count = within(end, self.stream.read(&mut buffer)).await.unwrap();
            assert!(count > 0, "it ended before {end:?}: {}", self.unread);
            self.unread.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    }

    /// The data of the next event of this name; those of the others have none.
    async fn event(&mut self, name: &str) -> Value {
        let start = if name.is_empty() { "data: ".to_owned() } else { format!("event: {name}\ndata: ") };
        self.until(&start).await;
        serde_json::from_str(&self.until("\n\n").await).unwrap()
    }
}

#[tokio::test]
async fn who_looks_reads_everything_at_once_and_then_what_is_different() {
    let admin = free_port().await;
    let windlass = Program::start(&two_endpoints().await.replace("ADMIN", &admin.to_string())).await;
    let client = windlass.client("somebody").await.unwrap();
    let mut looker = Looker::new(TcpStream::connect(admin).await.unwrap(), &admin.to_string()).await;

    let head = looker.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("content-type: text/event-stream"), "{head}");
    assert_eq!(looker.event("hello").await["may_steer"], false);
    let first = looker.event("").await;
    assert_eq!((&first["whole"], &first["now"]["tunnels"]), (&true.into(), &1.into()), "{first}");
    let endpoints = first["upstreams"][0]["endpoints"].as_array().unwrap();
    let named = endpoints.iter().find(|endpoint| endpoint["name"] == *client.endpoint).unwrap();
    assert_eq!((&named["tunnels"], &named["state"]), (&1.into(), &"eligible".into()));

    let next = looker.event("").await;
    assert_eq!(next["number"].as_u64(), first["number"].as_u64().map(|number| number + 1));
    assert_eq!(next["whole"], false);
    assert!(next.get("routes").is_none(), "nothing of the routes has changed: {next}");
}

#[tokio::test]
async fn over_the_unix_socket_one_may_steer_and_a_listener_that_goes_says_so() {
    let config = two_endpoints().await;
    let mut windlass = Program::start(&config).await;
    let socket = windlass.folder().socket();
    let mut looker = Looker::new(UnixStream::connect(&socket).await.unwrap(), "localhost").await;
    assert_eq!(looker.event("hello").await["may_steer"], true);
    looker.event("").await;

    let moved = config.replace("ADMIN", &free_port().await.to_string());
    windlass.folder().configure(&moved);
    windlass.signal(Signal::HUP);
    windlass.logs("operators are listened to").await;

    assert!(looker.event("end").await["why"].as_str().unwrap().contains("moved"));
    let mut rest = Vec::new();
    within("the end of the connection", looker.stream.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn only_so_many_look_at_once_and_the_others_are_told() {
    let admin = free_port().await;
    let windlass = Program::start(&two_endpoints().await.replace("ADMIN", &admin.to_string())).await;
    let mut lookers = Vec::new();
    for _ in 0..MOST {
        let mut looker = Looker::new(TcpStream::connect(admin).await.unwrap(), &admin.to_string()).await;
        looker.event("hello").await;
        lookers.push(looker);
    }
    let request = format!("GET /events HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    let (status, said) = ask(admin, &request).await;
    assert!(status == 503 && said.contains("too many look"), "{said}");

    lookers.pop();
    within("a place", has_place(admin)).await;
    drop(windlass);
}

/// Resolves once somebody may look again.
async fn has_place(admin: SocketAddr) {
    loop {
        let mut looker = Looker::new(TcpStream::connect(admin).await.unwrap(), &admin.to_string()).await;
        if looker.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_files_of_the_page_need_no_token_and_allow_nothing_else() {
    let admin = free_port().await;
    let windlass = Program::start(&two_endpoints().await.replace("ADMIN", &admin.to_string())).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    for (path, kind) in
        [("/", "text/html"), ("/dashboard/style.css", "text/css"), ("/dashboard/script.mjs", "text/javascript")]
    {
        let (status, said) = ask(admin, &get(path)).await;
        assert!(status == 200 && said.contains(&format!("content-type: {kind}; charset=utf-8")), "{path}: {said}");
        assert!(said.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{path}");
    }
    assert_eq!(ask(admin, &get("/dashboard/page.html")).await.0, 404);
    drop(windlass);
}

/// How many look at a time.
const MOST: usize = 8;
