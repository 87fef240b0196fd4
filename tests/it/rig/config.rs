//! A configuration, told in a test as changes of the smallest one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use windlass::config::{self, Settings};

/// A configuration file: tables, and keys as TOML text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    tables: BTreeMap<String, BTreeMap<String, String>>,
}

impl Config {
    /// A plain listener `public`, and a route and an upstream `chat` with these endpoints: `a`, `b`, `c` and so on.
    pub(crate) fn chat(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self::default()
            .with("listener.public.bind", "\"127.0.0.1:0\"")
            .with("route.chat.upstream", "\"chat\"")
            .endpoints("chat", addresses)
    }

    /// The endpoints of an upstream: `a`, `b`, `c` and so on.
    pub(crate) fn endpoints(self, upstream: &str, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let named = ('a'..='z').map(|name| name.to_string()).zip(addresses);
        self.named_endpoints(upstream, named)
    }

    /// The endpoints of an upstream under names of their own.
    pub(crate) fn named_endpoints<N: AsRef<str>>(
        self,
        upstream: &str,
        endpoints: impl IntoIterator<Item = (N, SocketAddr)>,
    ) -> Self {
        let entries = endpoints
            .into_iter()
            .map(|(name, address)| format!("{{ name = \"{}\", address = \"{address}\" }}", name.as_ref()));
        let list = entries.collect::<Vec<_>>().join(", ");
        self.with(&format!("upstream.{upstream}.endpoints"), &format!("[{list}]"))
    }

    /// With this key, such as `workers` or `route.chat.path`; `value` is TOML.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
        self.tables.entry(table.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// Without this table, and those below it.
    pub(crate) fn without(mut self, table: &str) -> Self {
        let below = format!("{table}.");
        self.tables.retain(|name, _| name != table && !name.starts_with(&below));
        self
    }

    /// As the file would be.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (table, keys) in &self.tables {
            // Keys that stand in no table come first.
            if !table.is_empty() {
                writeln!(text, "[{table}]").expect("a string takes everything");
            }
            for (key, value) in keys {
                writeln!(text, "{key} = {value}").expect("a string takes everything");
            }
        }
        text
    }

    /// As the program reads it.
    pub(crate) fn settings(&self) -> Settings {
        config::parse(&self.text(), Path::new("windlass.toml")).unwrap_or_else(|wrong| panic!("{wrong}"))
    }
}
