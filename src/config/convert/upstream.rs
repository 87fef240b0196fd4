//! `[upstream.NAME]`.

use std::num::NonZeroUsize;

use toml::de::DeValue;

use super::combinations::{check_combinations, no_unix};
use super::endpoint_tls::endpoint_tls;
use super::endpoints::{ENDPOINTS, EndpointsFrom, endpoints};
use super::health::{ON_DOWN, WHEN_ALL_DOWN, eject, health};
use super::names::{at_least_one, named};
use super::pin_cookie::pin_cookie;
use super::queue::{WHEN_FULL, handshakes_at_once, queue};
use super::reach::{PROTOCOLS, PROXY_PROTOCOLS, host, retry_budget, source_addresses, tcp_keepalive, tcp_user_timeout};
use super::sticky_on::sticky_on;
use crate::balance::{LoadFactor, Policy};
use crate::config::defaults;
use crate::config::read::{choice, count, integer, named_file, or_off, text};
use crate::config::schema::UPSTREAM;
use crate::config::settings::{AffinitySource, EndpointTlsSettings, NamedFile, UpstreamSettings};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

pub(in crate::config) fn upstreams(file: &Section<'_>) -> Vec<UpstreamSettings> {
    let example = "[upstream.chat] with endpoints = [\"10.0.0.11:8080\"]";
    // Routes that answer by themselves need none.
    let is_needed =
        !file.named_quietly("route").any(|route| ["redirect", "respond"].iter().any(|key| route.contains_key(*key)));
    let upstreams =
        if is_needed { at_least_one(file, "upstream", &UPSTREAM, example) } else { named(file, "upstream", &UPSTREAM) };
    upstreams.iter().filter_map(|(name, section)| upstream(name, section)).collect()
}

fn upstream(name: &str, section: &Section<'_>) -> Option<UpstreamSettings> {
    let endpoints = section.require("endpoints", endpoints, &format!("endpoints = {ENDPOINTS}"));
    let is_wrong = endpoints.is_none();
    let (endpoints, source) = match endpoints {
        Some(EndpointsFrom::List(endpoints)) => (endpoints, None),
        Some(EndpointsFrom::Source(source)) => (Vec::new(), Some(source)),
        // The rest is read all the same: everything that is wrong is said at once.
        None => Default::default(),
    };
    let mut settings = UpstreamSettings {
        name: name.into(),
        tls: section.read("tls", tls_or_off, defaults::ENDPOINT_TLS),
        protocol: section.read("protocol", choice(&PROTOCOLS), defaults::PROTOCOL),
        host: section.read("host", host, defaults::HOST),
        proxy_protocol: section.read("proxy_protocol", or_off(choice(&PROXY_PROTOCOLS)), defaults::PROXY_PROTOCOL),
        source_addresses: section.read("source_addresses", or_off(source_addresses), None).unwrap_or_default(),
        tcp_keepalive: section.read("tcp_keepalive", or_off(tcp_keepalive), Some(defaults::TCP_KEEPALIVE)),
        tcp_user_timeout: section.read("tcp_user_timeout", tcp_user_timeout, defaults::TCP_USER_TIMEOUT),
        policy: section.read("policy", choice(&POLICIES), defaults::POLICY),
        bounded_load: section.read("bounded_load", or_off(load_factor), defaults::BOUNDED_LOAD),
        shards: section.read("shards", or_off(shards), defaults::SHARDS),
        slow_start: section.read("slow_start", or_off(text(DURATION)), defaults::SLOW_START),
        sticky_on: section.read("sticky_on", sticky_on, vec![AffinitySource::ClientIp]),
        pin_cookie: section.read("pin_cookie", or_off(pin_cookie), defaults::PIN_COOKIE),
        pin_secret: section.read("pin_secret", or_off(pin_secret), defaults::PIN_SECRET),
        max_tunnels: section.read("max_tunnels", or_off(places), defaults::MAX_TUNNELS),
        handshakes_at_once: section.read(
            "handshakes_at_once",
            or_off(handshakes_at_once),
            defaults::HANDSHAKES_AT_ONCE,
        ),
        queue: section.read("queue", queue, defaults::QUEUE),
        when_full: section.read("when_full", choice(&WHEN_FULL), defaults::WHEN_FULL),
        health: section.read("health", or_off(health), defaults::HEALTH),
        eject: section.read("eject", or_off(eject), Some(defaults::EJECT)),
        min_eligible: section.read("min_eligible", min_eligible, defaults::MIN_ELIGIBLE),
        on_down: section.read("on_down", choice(&ON_DOWN), defaults::ON_DOWN),
        when_all_down: section.read("when_all_down", choice(&WHEN_ALL_DOWN), defaults::WHEN_ALL_DOWN),
        retry_budget: section.read("retry_budget", or_off(retry_budget), Some(defaults::RETRY_BUDGET)),
        connect_timeout: section.read("connect_timeout", text(DURATION), defaults::CONNECT_TIMEOUT),
        handshake_timeout: section.read("handshake_timeout", text(DURATION), defaults::HANDSHAKE_TIMEOUT),
        response_timeout: section.read("response_timeout", text(DURATION), defaults::RESPONSE_TIMEOUT),
        body_timeout: section.read("body_timeout", text(DURATION), defaults::ENDPOINT_BODY_TIMEOUT),
        keep_alive: section.read("keep_alive", or_off(text(DURATION)), defaults::KEEP_ALIVE),
        endpoints,
        source,
    };
    if is_wrong {
        return None;
    }
    let no_unix = no_unix(&settings);
    settings.source.iter_mut().for_each(|source| source.no_unix = no_unix);
    check_combinations(section, &settings);
    Some(settings)
}

/// A factor of the average, such as `1.25`.
fn load_factor(item: &SpannedValue<'_>) -> Option<LoadFactor> {
    let written = match item.value() {
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        DeValue::Integer(integer) => integer.as_str().parse::<f64>().ok(),
        _ => {
            item.fault(format!("must be a number, not {}", item.type_name()), "write one such as 1.25");
            return None;
        }
    };
    let thousandths = written.map(|factor| factor * 1_000.0).filter(|it| (it - it.round()).abs() < 1e-6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is out of range saturates, and is refused"
    )]
    let factor = thousandths.and_then(|it| LoadFactor::from_thousandths(it.round() as u32));
    if factor.is_none() {
        item.fault("is no factor from 1 to 1000, exact to a thousandth", "write one such as 1.25");
    }
    factor
}

fn tls_or_off(item: &SpannedValue<'_>) -> Option<Option<EndpointTlsSettings>> {
    or_off(endpoint_tls)(item).map(Option::flatten)
}

fn shards(item: &SpannedValue<'_>) -> Option<NonZeroUsize> {
    usize::try_from(integer(1..=1_000)(item)?).ok().and_then(NonZeroUsize::new)
}

fn places(item: &SpannedValue<'_>) -> Option<NonZeroUsize> {
    usize::try_from(count(item)?).ok().and_then(NonZeroUsize::new)
}

fn min_eligible(item: &SpannedValue<'_>) -> Option<usize> {
    usize::try_from(integer(1..=1_000_000)(item)?).ok()
}

fn pin_secret(item: &SpannedValue<'_>) -> Option<NamedFile> {
    let file = named_file(item)?;
    item.location().report().note_named(|named| named.pin_secrets.push(file.clone()));
    Some(file)
}

const POLICIES: [(&str, Policy); 5] = [
    ("sticky", Policy::Sticky),
    ("least_tunnels", Policy::LeastTunnels),
    ("least_busy", Policy::LeastBusy),
    ("round_robin", Policy::RoundRobin),
    ("random", Policy::Random),
];
