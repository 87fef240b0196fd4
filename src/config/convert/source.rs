//! `endpoints` of `[upstream.NAME]`, where it names who is asked for them.

use super::resolver::servers;
use crate::config::defaults;
use crate::config::endpoint_syntax::{NAME_AND_PORT, SRV_NAME};
use crate::config::read::{integer, named_file, text};
use crate::config::schema::SOURCE;
use crate::config::settings::{MOST_ENDPOINTS, SourceKind, SourceSettings};
use crate::config::tree::{Section, SpannedValue};

pub(super) fn source(item: &SpannedValue<'_>) -> Option<SourceSettings> {
    let section = item.section(&SOURCE)?;
    let from = source_kind(&section);
    let servers = section.try_read("servers", servers, Vec::new());
    let min_endpoints = section.try_read("min_endpoints", min_endpoints, defaults::MIN_ENDPOINTS);
    if section.has("file") {
        section.item("servers").iter().for_each(|item| {
            item.fault("are asked for names, and a file is read", "remove it; [resolver] has those of every name");
        });
    }
    Some(SourceSettings { from: from?, servers: servers?, min_endpoints: min_endpoints?, no_unix: None })
}

fn source_kind(section: &Section<'_>) -> Option<SourceKind> {
    let dns = section.try_read("dns", |item| Some(Some(text(NAME_AND_PORT)(item)?)), None);
    let srv = section.try_read("srv", |item| Some(Some(text(SRV_NAME)(item)?)), None);
    let file = section.try_read("file", |item| Some(Some(named_file(item)?)), None);
    let dns = dns?.map(|(host, port)| SourceKind::Dns { host, port });
    let mut written = [dns, srv?.map(SourceKind::Srv), file?.map(SourceKind::File)].into_iter().flatten();
    match (written.next(), written.next()) {
        (Some(one), None) => Some(one),
        (one, _) => {
            let problem = if one.is_some() { "names more than one source" } else { "names no source" };
            section.location().fault(problem, format!("write one, such as {SOURCES}"));
            None
        }
    }
}

fn min_endpoints(item: &SpannedValue<'_>) -> Option<usize> {
    usize::try_from(integer(1..=MOST_ENDPOINTS as u64)(item)?).ok()
}

/// One of each.
pub(super) const SOURCES: &str =
    "{ dns = \"app.internal:8080\" }, { srv = \"_ws._tcp.app.internal\" } or { file = \"endpoints.json\" }";
