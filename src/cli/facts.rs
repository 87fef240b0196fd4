//! Everything that is known of one tunnel, each fact under its name.

use super::amounts::{bytes, sum, time};
use crate::admin::{TunnelDetail, TunnelLimits, TunnelStatus};
use crate::config::counted;
use crate::log::harmless;

/// In the order in which people read it. What clients have said of themselves paints no terminal.
pub(super) fn facts(tunnel: &TunnelDetail) -> Vec<(&'static str, String)> {
    let TunnelStatus { id, listener, route, upstream, endpoint, client, path, host, .. } = &tunnel.status;
    let status = &tunnel.status;
    let port = tunnel.client_port.map(|port| format!(" port {port}")).unwrap_or_default();
    let mut rows = vec![
        ("tunnel", id.to_string()),
        ("client", format!("{client}{port}, {} through {listener}", tunnel.protocol)),
        ("asked for", format!("{host}{path}")),
        ("placed on", format!("{upstream}/{endpoint} by route {route} ({})", tunnel.placed)),
        ("open for", time(status.age_seconds)),
        ("idle for", time(status.idle_seconds)),
        ("from client", format!("{} messages, {}", status.messages.from_client, bytes(status.bytes.from_client))),
        ("from upstream", format!("{} messages, {}", status.messages.from_upstream, bytes(status.bytes.from_upstream))),
    ];
    let mut add = |name, text: Option<String>| rows.extend(text.map(|text| (name, text)));
    add("rate", status.rate.map(|it| format!("{}/s, {} B/s", it.messages_per_second, it.bytes_per_second)));
    let waiting = sum(status.buffered_bytes.from_client.into(), status.buffered_bytes.from_upstream.into());
    add("waiting", (waiting > 0).then(|| bytes(waiting)));
    add("client ping", status.ping_ms.client.map(|time| format!("{time} ms")));
    add("endpoint ping", status.ping_ms.upstream.map(|time| format!("{time} ms")));
    add("moved", (status.moved > 0).then(|| counted(status.moved.into(), "time")));
    add("user agent", Some(tunnel.user_agent.clone()).filter(|text| !text.is_empty()));
    add("request", tunnel.request_id.clone());
    add("claims", Some(tunnel.claims.join(", ")).filter(|text| !text.is_empty()));
    add("permitted for", tunnel.permitted_for_seconds.map(time));
    add("limits", Some(limits(&tunnel.limits)).filter(|text| !text.is_empty()));
    let order = tunnel.order.as_ref();
    add(
        "ends",
        order.map(|it| {
            format!("{} ({} {}), in {} at the latest", it.cause, it.close_code, it.reason, time(it.ends_in_seconds))
        }),
    );
    rows.into_iter().map(|(name, text)| (name, harmless(&text))).collect()
}

/// What it is held to, by the keys of the configuration; nothing of what is off.
fn limits(limits: &TunnelLimits) -> String {
    let TunnelLimits {
        idle_timeout,
        max_lifetime,
        stall_timeout,
        pong_within,
        ping_client_every,
        ping_upstream_every,
        max_message_from_client,
        max_message_from_upstream,
        max_fragments_from_client,
        max_fragments_from_upstream,
        max_inflated_message_from_client,
        max_inflated_message_from_upstream,
        bytes_per_second_from_client,
        bytes_per_second_from_upstream,
        messages_per_second_from_client,
        messages_per_second_from_upstream,
    } = *limits;
    let is_pinged = ping_client_every.or(ping_upstream_every).is_some();
    let seconds = |it: Option<f64>| it.map(|it| format!("{it} s"));
    let size = |it: Option<u64>| it.map(bytes);
    let count = |it: Option<u64>, what| it.map(|it| format!("{it} {what}"));
    let all = [
        ("idle_timeout", seconds(idle_timeout)),
        ("max_lifetime", seconds(max_lifetime)),
        ("stall_timeout", seconds(stall_timeout)),
        ("client pinged every", seconds(ping_client_every)),
        ("endpoint pinged every", seconds(ping_upstream_every)),
        ("answered within", seconds(is_pinged.then_some(pong_within))),
        ("messages from client up to", size(max_message_from_client)),
        ("messages from upstream up to", size(max_message_from_upstream)),
        ("in", count(max_fragments_from_client, "frames from client")),
        ("in", count(max_fragments_from_upstream, "frames from upstream")),
        ("inflated from client up to", size(max_inflated_message_from_client)),
        ("inflated from upstream up to", size(max_inflated_message_from_upstream)),
        ("from client up to", size(bytes_per_second_from_client).map(|it| format!("{it}/s"))),
        ("from upstream up to", size(bytes_per_second_from_upstream).map(|it| format!("{it}/s"))),
        ("from client up to", count(messages_per_second_from_client, "messages/s")),
        ("from upstream up to", count(messages_per_second_from_upstream, "messages/s")),
    ];
    all.into_iter().filter_map(|(name, it)| Some(format!("{name} {}", it?))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_there_are() {
        assert_eq!(limits(&TunnelLimits::default()), "");
        let some = TunnelLimits {
            idle_timeout: Some(60.0),
            pong_within: 10.0,
            max_message_from_client: Some(65_536),
            max_fragments_from_upstream: Some(100),
            bytes_per_second_from_client: Some(2048),
            messages_per_second_from_upstream: Some(50),
            ..TunnelLimits::default()
        };
        let said = "idle_timeout 60 s, messages from client up to 64.0 KiB, in 100 frames from upstream, \
                    from client up to 2.0 KiB/s, from upstream up to 50 messages/s";
        assert_eq!(limits(&some), said);
        let pinged = TunnelLimits { ping_client_every: Some(20.0), pong_within: 10.0, ..TunnelLimits::default() };
        assert_eq!(limits(&pinged), "client pinged every 20 s, answered within 10 s");
    }
}
