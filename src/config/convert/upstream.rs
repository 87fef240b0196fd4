//! `[upstream.NAME]`.

use std::num::NonZeroU32;

use toml::de::DeValue;

use super::names::{Earlier, at_least_one};
use crate::balance::Policy;
use crate::config::address_syntax::ENDPOINT_ADDRESS;
use crate::config::defaults;
use crate::config::lists::{elements, list};
use crate::config::name_syntax::{AFFINITY, COOKIE, NAME};
use crate::config::read::{choice, integer, or_off, text};
use crate::config::schema::{ENDPOINT, UPSTREAM};
use crate::config::settings::{AffinitySource, EndpointAddress, EndpointSettings, UpstreamSettings};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

pub(in crate::config) fn upstreams(file: &Section<'_>) -> Vec<UpstreamSettings> {
    at_least_one(file, "upstream", &UPSTREAM, "[upstream.chat] with endpoints = [\"10.0.0.11:8080\"]")
        .iter()
        .filter_map(|(name, section)| upstream(name, section))
        .collect()
}

fn upstream(name: &str, section: &Section<'_>) -> Option<UpstreamSettings> {
    let endpoints = section.require("endpoints", endpoints, &format!("endpoints = {ENDPOINTS}"));
    let settings = UpstreamSettings {
        name: name.into(),
        policy: section.read("policy", choice(&POLICIES), defaults::POLICY),
        sticky_on: section.read("sticky_on", sticky_on, vec![AffinitySource::ClientIp]),
        pin_cookie: section.read("pin_cookie", or_off(text(COOKIE)), defaults::PIN_COOKIE),
        connect_timeout: section.read("connect_timeout", text(DURATION), defaults::CONNECT_TIMEOUT),
        handshake_timeout: section.read("handshake_timeout", text(DURATION), defaults::HANDSHAKE_TIMEOUT),
        response_timeout: section.read("response_timeout", text(DURATION), defaults::RESPONSE_TIMEOUT),
        body_timeout: section.read("body_timeout", text(DURATION), defaults::ENDPOINT_BODY_TIMEOUT),
        keep_alive: section.read("keep_alive", or_off(text(DURATION)), defaults::KEEP_ALIVE),
        endpoints: in_order_of_names(endpoints?),
    };
    Some(settings)
}

/// The order of the file means nothing: a list that was only sorted anew is no change.
fn in_order_of_names(mut endpoints: Vec<EndpointSettings>) -> Vec<EndpointSettings> {
    endpoints.sort_by(|a, b| a.name.cmp(&b.name));
    endpoints
}

fn endpoints(item: &SpannedValue<'_>) -> Option<Vec<EndpointSettings>> {
    let (mut names, mut addresses) = (Earlier::new(), Earlier::new());
    let elements = elements(item, endpoint, ENDPOINTS)?;
    if elements.is_empty() {
        item.fault("is empty", format!("write one or more, such as {ENDPOINTS}"));
    }
    let read = |element: &SpannedValue<'_>| {
        let endpoint = endpoint(element)?;
        let key = element.location().key();
        if let Some(earlier) = addresses.note(endpoint.address.clone(), key) {
            element.fault(
                format!("{} is the address of {earlier} too", endpoint.address),
                "raise that one's weight instead",
            );
        } else if let Some(earlier) = names.note(endpoint.name.clone(), key) {
            element.fault(format!("\"{}\" is the name of {earlier} too", endpoint.name), "give it a name of its own");
        }
        Some(endpoint)
    };
    elements.iter().map(read).collect::<Vec<_>>().into_iter().collect()
}

fn endpoint(item: &SpannedValue<'_>) -> Option<EndpointSettings> {
    let named_after = |address: &EndpointAddress| address.to_string().as_str().into();
    if let DeValue::Integer(port) = item.value() {
        item.fault("must be an address and a port, not an integer", format!("write \"127.0.0.1:{port}\""));
        return None;
    }
    if !matches!(item.value(), DeValue::Table(_)) {
        let address = text(ENDPOINT_ADDRESS)(item)?;
        return Some(EndpointSettings { name: named_after(&address), address, weight: defaults::WEIGHT });
    }
    let section = item.section(&ENDPOINT)?;
    let address = section.require("address", text(ENDPOINT_ADDRESS), "address = \"10.0.0.11:8080\"");
    let name = section.try_read("name", |item| text(NAME)(item).map(Some), None);
    let weight = section.try_read("weight", weight, defaults::WEIGHT);
    let (address, name, weight) = (address?, name?, weight?);
    let name = name.map_or_else(|| named_after(&address), |name| name.as_str().into());
    Some(EndpointSettings { name, address, weight })
}

fn weight(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    const MOST: u64 = 1_000_000;
    u32::try_from(integer(1..=MOST)(item)?).ok().and_then(NonZeroU32::new)
}

fn sticky_on(item: &SpannedValue<'_>) -> Option<Vec<AffinitySource>> {
    const EXAMPLE: &str = "[\"header:x-user\", \"client_ip\"]";
    let sources = list(text(AFFINITY), EXAMPLE)(item)?;
    let elements = item.elements()?;
    let last = sources.iter().position(|source| *source == AffinitySource::ClientIp);
    if let Some(unreachable) = last.and_then(|last| elements.get(last + 1)) {
        unreachable.fault("is never reached: every request has a client_ip", "move \"client_ip\" to the end");
    }
    if sources.is_empty() {
        item.fault("is empty", "write [\"client_ip\"], or leave it out");
    }
    Some(sources)
}

const POLICIES: [(&str, Policy); 1] = [("sticky", Policy::Sticky)];

const ENDPOINTS: &str = "[\"10.0.0.11:8080\", \"10.0.0.12:8080\"]";
