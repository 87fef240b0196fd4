//! What an operator asks a program that runs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::operate::peers::Client;
use crate::rig::{PROGRAM, Program, command, kill, output};

/// The process that serves after a handoff; ended when this is dropped.
pub(crate) struct Successor(u32);

impl Successor {
    pub(crate) fn id(&self) -> u32 {
        self.0
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        kill(self.0);
    }
}

impl Program {
    /// Runs a command against it.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Output {
        self.ask_with(&self.folder().config(), arguments).await
    }

    /// The same with another file.
    pub(crate) async fn ask_with(&self, config: &Path, arguments: &[&str]) -> Output {
        let (verb, rest) = arguments.split_first().unwrap();
        output(command(PROGRAM).args([verb, "-c"]).arg(config).args(rest)).await
    }

    /// Hands over to another process.
    pub(crate) async fn hand_off(&self) -> Successor {
        let output = self.ask(&["handoff", "--json"]).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let id = serde_json::from_slice::<Value>(&output.stdout).unwrap()["pid"].as_u64().unwrap();
        Successor(id.try_into().unwrap())
    }

    /// What it says of itself.
    pub(crate) async fn status(&self) -> Value {
        let output = self.ask(&["status", "--json"]).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)))
    }

    /// Where `public` can be reached, as it says.
    pub(crate) async fn public(&self) -> SocketAddr {
        let status = self.status().await;
        let listeners = status["listeners"].as_array().unwrap();
        let found = listeners.iter().find(|it| it["name"] == "public").unwrap();
        found["address"].as_str().unwrap().parse().unwrap()
    }

    /// Opens a tunnel as the user `key`, who is always placed the same.
    pub(crate) async fn client(&self, key: &str) -> Result<Client, tungstenite::Error> {
        Client::connect(self.public().await, key).await
    }
}

/// What a command wrote.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
