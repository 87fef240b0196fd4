//! What of `[upstream.NAME]` is about connections with endpoints.

use std::net::IpAddr;
use std::time::Duration;

use toml::de::DeValue;

use crate::config::defaults;
use crate::config::endpoint_syntax::SOURCE_ADDRESS;
use crate::config::lists::list;
use crate::config::name_syntax::HOST_HEADER;
use crate::config::read::{integer, or_off, text};
use crate::config::schema::{RETRY_BUDGET, TCP_KEEPALIVE};
use crate::config::settings::{
    EndpointProtocol, HostTowardsEndpoint, ProxyProtocol, RetryBudgetSettings, TcpKeepaliveSettings,
};
use crate::config::tree::SpannedValue;
use crate::config::units::{DURATION, PERCENT, write_duration};

pub(super) fn host(item: &SpannedValue<'_>) -> Option<HostTowardsEndpoint> {
    match item.value() {
        DeValue::String(text) if text == "keep" => Some(HostTowardsEndpoint::Keep),
        DeValue::String(text) if text == "endpoint" => Some(HostTowardsEndpoint::Endpoint),
        _ => text(HOST_HEADER)(item).map(HostTowardsEndpoint::Text),
    }
}

pub(super) fn source_addresses(item: &SpannedValue<'_>) -> Option<Vec<IpAddr>> {
    let addresses = list(text(SOURCE_ADDRESS), "[\"10.0.0.2\", \"10.0.0.3\"]")(item)?;
    if addresses.is_empty() {
        item.fault("is empty", "write the addresses of this machine to connect from, or \"off\"");
    }
    Some(addresses)
}

pub(super) fn tcp_keepalive(item: &SpannedValue<'_>) -> Option<TcpKeepaliveSettings> {
    let section = item.section(&TCP_KEEPALIVE)?;
    let idle = section.try_read("idle", whole_seconds, defaults::TCP_KEEPALIVE.idle);
    let interval = section.try_read("interval", whole_seconds, defaults::TCP_KEEPALIVE.interval);
    Some(TcpKeepaliveSettings { idle: idle?, interval: interval? })
}

/// What the kernel counts in seconds, and takes up to 32,767 of (tcp(7)).
fn whole_seconds(item: &SpannedValue<'_>) -> Option<Duration> {
    const MOST: Duration = Duration::from_secs(32_767);
    let time = text(DURATION)(item)?;
    if time.subsec_nanos() != 0 || time > MOST {
        item.fault(
            format!("{} is not in whole seconds up to 32767", write_duration(time)),
            "write one such as \"1min\"",
        );
        return None;
    }
    Some(time)
}

pub(super) fn retry_budget(item: &SpannedValue<'_>) -> Option<RetryBudgetSettings> {
    let section = item.section(&RETRY_BUDGET)?;
    let share_permille = section.try_read("share", text(PERCENT), defaults::RETRY_BUDGET.share_permille);
    let at_least = section.try_read("at_least", at_least, defaults::RETRY_BUDGET.at_least);
    Some(RetryBudgetSettings { share_permille: share_permille?, at_least: at_least? })
}

fn at_least(item: &SpannedValue<'_>) -> Option<u32> {
    u32::try_from(integer(0..=1_000_000)(item)?).ok()
}

pub(super) fn tcp_user_timeout(item: &SpannedValue<'_>) -> Option<Option<Duration>> {
    or_off(text(DURATION))(item)
}

pub(super) const PROTOCOLS: [(&str, EndpointProtocol); 2] =
    [("http/1.1", EndpointProtocol::Http1), ("h2", EndpointProtocol::Http2)];

pub(super) const PROXY_PROTOCOLS: [(&str, ProxyProtocol); 2] = [("v1", ProxyProtocol::V1), ("v2", ProxyProtocol::V2)];
