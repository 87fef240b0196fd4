//! `[resolver]`, and `state_folder`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeValue;

use crate::config::defaults;
use crate::config::endpoint_syntax::DNS_SERVER;
use crate::config::lists::list;
use crate::config::name_syntax::FILE;
use crate::config::read::text;
use crate::config::settings::{ResolverSettings, Settings, SourceKind, StateFolder, UpstreamSettings};
use crate::config::syntax::Syntax;
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::{DURATION, write_duration};

pub(in crate::config) fn resolver(section: &Section<'_>) -> ResolverSettings {
    let min_ttl = section.read("min_ttl", text(DURATION), defaults::MIN_TTL);
    let max_ttl = section.read("max_ttl", text(DURATION), defaults::MAX_TTL.max(min_ttl));
    if min_ttl > max_ttl {
        let item = section.item("min_ttl").or_else(|| section.item("max_ttl"));
        item.iter().for_each(|item| {
            item.fault("`min_ttl` is above `max_ttl`", format!("write a min_ttl up to {}", write_duration(max_ttl)));
        });
    }
    ResolverSettings {
        servers: section.read("servers", or_system, Vec::new()),
        min_ttl,
        max_ttl,
        timeout: section.read("timeout", text(DURATION), defaults::RESOLVER_TIMEOUT),
    }
}

fn or_system(item: &SpannedValue<'_>) -> Option<Vec<SocketAddr>> {
    match item.value() {
        DeValue::String(text) if text == "system" => Some(Vec::new()),
        _ => servers(item),
    }
}

/// A list of DNS servers, at least one.
pub(super) fn servers(item: &SpannedValue<'_>) -> Option<Vec<SocketAddr>> {
    let servers = list(text(DNS_SERVER), SERVERS)(item)?;
    if servers.is_empty() {
        item.fault("is empty: nobody would be asked", format!("write one or more, such as {SERVERS}, or remove it"));
    }
    Some(servers)
}

pub(in crate::config) fn state_folder(item: &SpannedValue<'_>) -> Option<StateFolder> {
    match item.value() {
        DeValue::String(text) if text == "auto" => Some(StateFolder::Auto),
        DeValue::String(text) if text == "off" => Some(StateFolder::Off),
        _ => {
            let folder: PathBuf =
                text(Syntax { noun: "the path of a folder", example: "\"/var/lib/windlass\"", ..FILE })(item)?;
            Some(StateFolder::At(item.location().report().folder().join(folder)))
        }
    }
}

/// Notes a problem where a source is a file in the folder for what is kept of sources: one might be written over the other.
pub(in crate::config) fn check_state_folder(file: &Section<'_>, settings: &Settings) {
    let (StateFolder::At(folder), Some(item)) = (&settings.state_folder, file.item("state_folder")) else { return };
    let in_it = |upstream: &Arc<UpstreamSettings>| match &upstream.source.as_ref()?.from {
        SourceKind::File(file) if file.path.parent() == Some(folder) => {
            Some((upstream.name.clone(), file.path.clone()))
        }
        _ => None,
    };
    if let Some((upstream, path)) = settings.upstreams.values().find_map(in_it) {
        let problem = format!("holds the source of upstream {upstream} too: {}", path.display());
        item.fault(problem, "write a folder that is for this alone");
    }
}

const SERVERS: &str = "[\"10.0.0.53:53\"]";
