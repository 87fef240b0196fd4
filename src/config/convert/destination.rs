//! Where the requests of a route go.

use super::names::Names;
use crate::config::address_syntax::{asks_for_tls, endpoint_in};
use crate::config::read::reference;
use crate::config::settings::Destination;
use crate::config::tree::Section;

pub(super) fn destination(section: &Section<'_>, names: &Names<'_>) -> Option<Destination> {
    let upstreams = reference(&names.upstreams, "upstream", instead_of_upstream);
    section.require("upstream", upstreams, "upstream, the NAME of an [upstream.NAME]").map(Destination::Upstream)
}

fn instead_of_upstream(name: &str) -> Option<String> {
    let endpoint = endpoint_in(name)?;
    let tls = if asks_for_tls(name) { " and tls = true" } else { "" };
    Some(format!("add [upstream.NAME] with endpoints = [{endpoint:?}]{tls}, and write upstream = \"NAME\""))
}
