//! What the proxies in this process log, as JSON lines.

use std::io::{self, Write};
use std::sync::OnceLock;

use serde_json::Value;
use tokio::sync::watch;
use tracing_subscriber::fmt::MakeWriter;

use super::within;

/// The log of this program from now on; call it before the proxy starts.
pub(crate) fn lines() -> Lines {
    static LINES: OnceLock<watch::Sender<Vec<Value>>> = OnceLock::new();
    let sender = LINES.get_or_init(|| {
        let sender = watch::Sender::default();
        let writer = Writer(sender.clone());
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(writer).init();
        sender
    });
    Lines(sender.subscribe())
}

/// Every line so far, and those to come.
pub(crate) struct Lines(watch::Receiver<Vec<Value>>);

impl Lines {
    /// The first line about a request for this path; give each test its own.
    pub(crate) async fn about(&mut self, path: &str) -> Value {
        let is_about = |line: &Value| line["path"] == path;
        let lines = within("a line of the log", self.0.wait_for(|lines| lines.iter().any(is_about))).await.unwrap();
        lines.iter().find(|line| is_about(line)).unwrap().clone()
    }

    /// Every line so far, as soon as they are as the test wants them.
    pub(crate) async fn until(&mut self, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        within("a line of the log", self.0.wait_for(|lines| is_so(lines))).await.unwrap().clone()
    }

    /// The first line about a client of this listener; give each test its own.
    pub(crate) async fn about_a_client_of(&mut self, listener: &str) -> Value {
        let is_it = |line: &Value| line["listener"] == listener && line.get("client").is_some();
        let lines = within("a line of the log", self.0.wait_for(|lines| lines.iter().any(is_it))).await.unwrap();
        lines.iter().find(|line| is_it(line)).unwrap().clone()
    }

    /// Every line so far as text.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().iter().map(|line| format!("{line}\n")).collect()
    }
}

#[derive(Clone)]
struct Writer(watch::Sender<Vec<Value>>);

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let value = serde_json::from_slice(line).unwrap();
        self.0.send_modify(|lines| lines.push(value));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
