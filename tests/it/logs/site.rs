//! What these tests share: a program whose log goes wherever the test wants it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::operate::peers::endpoint;
use crate::rig::{Folder, PROGRAM, Program, Wire, until_async};

/// A route that answers by itself below `/own`, and one with an endpoint that echoes.
pub(super) async fn site(log: &str) -> String {
    site_with(log, endpoint("a").await)
}

pub(super) fn site_with(log: &str, endpoint: SocketAddr) -> String {
    format!(
        r#"
[log]
{log}
[listener.public]
bind = "127.0.0.1:0"
[route.own]
path = "/own"
respond = {{ status = 200, body = "own" }}
[route.broken]
path = "/broken"
respond = {{ status = 500, body = "broken" }}
[route.chat]
upstream = "chat"
websocket = {{ ping_every = "off" }}
[upstream.chat]
endpoints = [{{ name = "a", address = "{endpoint}" }}]
[drain.stop]
deadline = "2s"
spread = "100ms"
[drain.handoff]
deadline = "20s"
spread = "20s"
[admin]
listen = "ADMIN"
"#
    )
}

/// A folder whose configuration is what `text` makes of it.
pub(super) async fn folder(text: impl AsyncFnOnce(&Path) -> String) -> Folder {
    let folder = Folder::new("");
    let text = text(folder.root()).await;
    folder.configure(&text);
    folder
}

/// Starts the program there, and waits until it answers operators.
pub(super) async fn start(folder: &Folder) -> Program {
    start_by(folder, folder.command(PROGRAM, &[])).await
}

/// The same by a command of its own.
pub(super) async fn start_by(folder: &Folder, command: Command) -> Program {
    let windlass = Program::spawn(folder, command);
    until_async("the process to serve", async || windlass.ask(&["status"]).await.status.success()).await;
    windlass
}

/// Every line of a file of JSON.
pub(super) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no JSON")))
        .collect()
}

/// How many of these lines say that.
pub(super) fn count(lines: &[Value], message: &str) -> usize {
    lines.iter().filter(|line| line["message"] == message).count()
}

/// Asks for something over a connection that goes on; the status.
pub(super) async fn get(client: &mut Wire, path: &str) -> u16 {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")).await;
    client.answer().await.0.status()
}
