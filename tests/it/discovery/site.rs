//! A program whose endpoints come from a file, and endpoints that it may name.

use std::fs;
use std::net::SocketAddr;

use crate::operate::peers::{Client, endpoint};
use crate::rig::{Folder, Program, until_async};

/// Endpoints `a`, `b` and `c`, a folder with a configuration that learns of them from `endpoints.json`.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    endpoints: [(&'static str, SocketAddr); 3],
}

impl Site {
    /// With more keys of the upstream, and more tables.
    pub(crate) async fn new(source: &str, more: &str) -> Self {
        let folder = Folder::new(&config(source, more));
        let endpoints = [("a", endpoint("a").await), ("b", endpoint("b").await), ("c", endpoint("c").await)];
        Self { folder, endpoints }
    }

    /// Replaces the file: each endpoint by name, or with what is behind a colon, as in `a:leaving`.
    pub(crate) fn name(&self, endpoints: &[&str]) {
        let written: Vec<_> = endpoints.iter().map(|it| self.written(it)).collect();
        self.replace(&format!("{{\"endpoints\": [{}]}}", written.join(", ")));
    }

    pub(crate) fn replace(&self, text: &str) {
        let new = self.folder.write("endpoints.json.new", text);
        fs::rename(new, self.folder.path("endpoints.json")).unwrap();
    }

    pub(crate) fn written(&self, endpoint: &str) -> String {
        let (name, state) = endpoint.split_once(':').unwrap_or((endpoint, "ready"));
        let (_, address) = self.endpoints.iter().find(|(it, _)| *it == name).unwrap();
        format!(r#"{{"name": "{name}", "address": "{address}", "state": "{state}"}}"#)
    }

    pub(crate) fn start(&self) -> Program {
        Program::start_in(&self.folder)
    }
}

pub(crate) fn config(source: &str, more: &str) -> String {
    format!(
        r#"
state_folder = "state"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
sticky_on = ["query:k"]
endpoints = {source}
[drain.stop]
deadline = "2s"
spread = "1s"
[drain.discovery]
deadline = "5s"
spread = "1s"
[admin]
listen = "ADMIN"
{more}
"#
    )
}

/// The names of the endpoints that are served, each with its state.
pub(crate) async fn served(windlass: &Program) -> Vec<String> {
    let status = windlass.status().await;
    let endpoints = status["upstreams"][0]["endpoints"].as_array().unwrap().clone();
    let word = |it: &serde_json::Value| format!("{} {}", it["name"].as_str().unwrap(), it["state"].as_str().unwrap());
    endpoints.iter().map(word).collect()
}

pub(crate) async fn until_served(windlass: &Program, expected: &[&str]) {
    let folder = windlass.folder().clone();
    until_async(&format!("{expected:?} to be served; the log:\n{}", folder.log()), async || {
        served(windlass).await == expected
    })
    .await;
}

/// So many clients, each with a key of its own.
pub(crate) async fn clients(windlass: &Program, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for key in 0..count {
        clients.push(windlass.client(&key.to_string()).await.unwrap());
    }
    clients
}
