//! The open tunnels of this process, one by one: the list, and everything that is known of one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rates::{AT_LEAST, Look, counted, rate};
use super::tunnel_query::{Cursor, NameOf, TunnelQuery};
use crate::access::Permit;
use crate::admin::context::Context;
use crate::admin::wire::{
    InDirections, OnSides, SortOrder, TunnelDetail, TunnelLimits, TunnelList, TunnelOrder, TunnelRate, TunnelSort,
    TunnelStatus, TunnelsElsewhere,
};
use crate::config::WebsocketSettings;
use crate::drain::{Member, TunnelHandle, TunnelId};
use crate::process::unix_seconds;
use crate::session::{PortIs, RecordedRequest};
use crate::traffic::Vitals;

/// The tunnels that were asked for.
pub(in crate::admin) async fn tunnel_list(context: &Context, query: &TunnelQuery) -> TunnelList {
    let begun = Instant::now();
    let has_base = context.rates.base(begun).is_some();
    context.rates.look(&context.proxy, begun);
    if query.needs_rates() && !has_base {
        sleep(AT_LEAST).await;
    }
    let not_listed = context.predecessors.list().into_iter();
    let not_listed = not_listed.map(|it| TunnelsElsewhere { pid: it.pid, tunnels: it.tunnels }).collect();
    let now = Instant::now();
    let (page, base) = (Page::of(context, query, now), context.rates.base(now));
    TunnelList {
        next: page.next.map(Cursor::written),
        tunnels: page.tunnels.iter().map(|handle| status(handle, base.as_deref(), now)).collect(),
        matching: page.matching,
        open: page.open,
        not_listed,
    }
}

/// What is wrong with the names that were asked for, where no tunnel was found: a name that nothing has, nor an open tunnel of what is
/// gone.
pub(in crate::admin) fn unknown_name(context: &Context, query: &TunnelQuery) -> Option<String> {
    let snapshot = context.proxy.snapshot();
    let settings = &snapshot.settings;
    query.names().find_map(|(of, name)| {
        let (word, known): (_, Vec<&str>) = match of {
            NameOf::Listener => ("listener", settings.listeners.keys().map(|it| it.as_str()).collect()),
            NameOf::Route => ("route", settings.routes.keys().map(|it| it.as_str()).collect()),
            NameOf::Upstream => ("upstream", settings.upstreams.keys().map(|it| it.as_str()).collect()),
        };
        let is_of_it = |member: &Member| match of {
            NameOf::Listener => member.listener.0.as_str() == name,
            NameOf::Route => member.route.0.as_str() == name,
            NameOf::Upstream => member.upstream.0.as_str() == name,
        };
        let is_known =
            known.contains(&name) || !context.proxy.registry.tunnels(|handle| is_of_it(&handle.member)).is_empty();
        (!is_known).then(|| format!("there is no {word} of this name: there is {}", known.join(", ")))
    })
}

/// Everything that is known of the tunnel of this number; `None` where this process has none.
pub(in crate::admin) async fn tunnel_detail(context: &Context, id: TunnelId) -> Option<TunnelDetail> {
    let handle = context.proxy.registry.tunnels(|handle| handle.id == id).pop()?;
    let begun = Instant::now();
    let mut status = status(&handle, context.rates.base(begun).as_deref(), begun);
    if status.rate.is_none() {
        let before = counted(&handle);
        sleep(AT_LEAST).await;
        status = self::status(&handle, None, Instant::now());
        status.rate = Some(rate(counted(&handle), before, begun.elapsed()));
    }
    let now = Instant::now();
    let request = RecordedRequest::of(&handle);
    let told = request.unpacked();
    let permission = handle.permit().map(Permit::permission);
    let permitted = handle.permit().and_then(Permit::end);
    Some(TunnelDetail {
        opened: unix_seconds().saturating_sub(status.age_seconds),
        protocol: request.protocol().as_str().to_owned(),
        client_port: (told.port_is == PortIs::Client).then_some(told.port),
        placed: told.placed.to_owned(),
        user_agent: told.user_agent.to_owned(),
        request_id: Some(told.request_id.to_string()),
        claims: permission.iter().flat_map(|it| it.claim_names()).map(ToOwned::to_owned).collect(),
        permitted_for_seconds: permitted.map(|end| end.saturating_duration_since(now.into_std()).as_secs()),
        limits: handle.settings().map(limits).unwrap_or_default(),
        order: order(&handle, now),
        status,
    })
}

/// One page of the list.
struct Page {
    tunnels: Vec<Arc<TunnelHandle>>,
    matching: usize,
    open: usize,
    next: Option<Cursor>,
}

impl Page {
    fn of(context: &Context, query: &TunnelQuery, now: Instant) -> Self {
        let base = if query.needs_rates() { context.rates.base(now) } else { None };
        let (mut open, mut matching, mut found) = (0, 0, Vec::new());
        context.proxy.registry.each(|handle| {
            open += 1;
            let (age, vitals) = (now.saturating_duration_since(handle.opened), handle.traffic().vitals());
            let quiet = handle.quiet_for(&vitals, now);
            if !query.is_met_by(handle, age, quiet) {
                return;
            }
            let rate = base.as_ref().map(|base| base.rate(handle, now)).unwrap_or_default();
            if rate.messages_per_second < query.min_rate {
                return;
            }
            matching += 1;
            let place = place(query, handle, quiet, &vitals, rate);
            if query.after.is_none_or(|after| is_behind(query.order, place, after)) {
                found.push((place, Arc::clone(handle)));
            }
        });
        let first = |(one, _): &(Cursor, _), (other, _): &(Cursor, _)| match query.order {
            SortOrder::Descending => other.cmp(one),
            SortOrder::Ascending => one.cmp(other),
        };
        let is_more = found.len() > query.limit;
        if is_more {
            found.select_nth_unstable_by(query.limit, first);
            found.truncate(query.limit);
        }
        found.sort_unstable_by(first);
        let next = found.last().filter(|_| is_more).map(|(place, _)| *place);
        Self { tunnels: found.into_iter().map(|(_, handle)| handle).collect(), matching, open, next }
    }
}

fn is_behind(order: SortOrder, place: Cursor, after: Cursor) -> bool {
    match order {
        SortOrder::Descending => place < after,
        SortOrder::Ascending => place > after,
    }
}

/// Where a tunnel stands in the order that is asked for. By age that never changes; no two stand at one place.
fn place(query: &TunnelQuery, handle: &TunnelHandle, quiet: Duration, vitals: &Vitals, rate: TunnelRate) -> Cursor {
    let (messages, bytes) = counted(handle);
    let value = match query.sort {
        // Numbers are given out in the order in which tunnels open.
        TunnelSort::Age => u64::MAX - handle.id.0,
        TunnelSort::Idle => quiet.as_secs(),
        TunnelSort::Bytes => bytes,
        TunnelSort::Messages => messages,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tenths of what is never negative")]
        TunnelSort::Rate => (rate.messages_per_second * 10.0) as u64,
        TunnelSort::Buffered => {
            u64::from(vitals.waiting.from_client).saturating_add(u64::from(vitals.waiting.from_upstream))
        }
    };
    Cursor { value, id: handle.id.0 }
}

fn status(handle: &TunnelHandle, base: Option<&Look>, now: Instant) -> TunnelStatus {
    let (member, vitals) = (&handle.member, handle.traffic().vitals());
    let age = now.saturating_duration_since(handle.opened);
    let told = RecordedRequest::of(handle).unpacked();
    let counts = vitals.counts;
    let ping = |time: Option<Duration>| time.map(|time| (time.as_secs_f64() * 1e6).round() / 1e3);
    TunnelStatus {
        id: handle.id.0,
        listener: member.listener.0.to_string(),
        route: member.route.0.to_string(),
        upstream: member.upstream.0.to_string(),
        endpoint: member.endpoint.0.to_string(),
        client: handle.client.to_string(),
        path: told.path.to_owned(),
        host: told.host.to_owned(),
        age_seconds: age.as_secs(),
        idle_seconds: handle.quiet_for(&vitals, now).as_secs(),
        messages: InDirections {
            from_client: counts.from_client.messages,
            from_upstream: counts.from_upstream.messages,
        },
        bytes: InDirections { from_client: counts.from_client.bytes, from_upstream: counts.from_upstream.bytes },
        buffered_bytes: InDirections {
            from_client: vitals.waiting.from_client,
            from_upstream: vitals.waiting.from_upstream,
        },
        rate: base.map(|base| base.rate(handle, now)),
        ping_ms: OnSides { client: ping(vitals.ping_time.client), upstream: ping(vitals.ping_time.upstream) },
        is_ending: handle.has_order(),
        moved: told.moves,
    }
}

fn limits(settings: &WebsocketSettings) -> TunnelLimits {
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    let of = &settings.limits;
    TunnelLimits {
        idle_timeout: seconds(settings.idle_timeout),
        max_lifetime: seconds(settings.max_lifetime),
        stall_timeout: seconds(settings.stall_timeout),
        pong_within: settings.pong_within.as_secs_f64(),
        ping_client_every: seconds(settings.ping_every.client),
        ping_upstream_every: seconds(settings.ping_every.upstream),
        max_message_from_client: of.from_client.max_message,
        max_message_from_upstream: of.from_upstream.max_message,
        max_fragments_from_client: of.from_client.max_fragments,
        max_fragments_from_upstream: of.from_upstream.max_fragments,
        max_inflated_message_from_client: of.from_client.max_inflated_message,
        max_inflated_message_from_upstream: of.from_upstream.max_inflated_message,
        bytes_per_second_from_client: of.from_client.bytes_per_second.map(|rate| rate.per_second),
        bytes_per_second_from_upstream: of.from_upstream.bytes_per_second.map(|rate| rate.per_second),
        messages_per_second_from_client: of.from_client.messages_per_second.map(|rate| rate.per_second),
        messages_per_second_from_upstream: of.from_upstream.messages_per_second.map(|rate| rate.per_second),
    }
}

fn order(handle: &TunnelHandle, now: Instant) -> Option<TunnelOrder> {
    let order = handle.order()?;
    Some(TunnelOrder {
        cause: order.cause.to_string(),
        close_code: order.code.get(),
        reason: order.reason().to_string(),
        ends_in_seconds: order.deadline.saturating_duration_since(now).as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::admin::context::context_of_tests;
    use crate::traffic::{Passed, Second};
    use crate::websocket::Direction;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn query(text: &str) -> TunnelQuery {
        TunnelQuery::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn pages_together_have_each_tunnel_once_in_every_order() {
        let (context, _commands) = context_of_tests();
        let registry = &context.proxy.registry;
        let open: Vec<_> = (0..25).map(|_| registry.register(0, Member::of_route("chat"), CLIENT)).collect();
        // Some have the same, some have not, and no two orders are the same.
        for (number, registration) in (0_u64..).zip(&open) {
            let traffic = registration.handle().traffic();
            let passed = Passed { messages: number % 7, bytes: 1000 - number, pings: 0 };
            traffic.direction(Direction::FromClient).note_passed(passed, Second::of(Instant::now()));
            traffic.note_waiting(Direction::FromUpstream, (number % 3) as usize, Duration::ZERO);
        }
        for sort in ["age", "idle", "bytes", "messages", "rate", "buffered"] {
            for order in ["asc", "desc"] {
                let (mut seen, mut after) = (Vec::new(), String::new());
                loop {
                    let page =
                        tunnel_list(&context, &query(&format!("sort={sort}&order={order}&limit=10{after}"))).await;
                    assert_eq!((page.matching, page.open), (25, 25));
                    let bytes: Vec<_> = page.tunnels.iter().map(|tunnel| tunnel.bytes.from_client).collect();
                    match (sort, order) {
                        ("bytes", "desc") => assert!(bytes.is_sorted_by(|one, next| one > next), "{bytes:?}"),
                        ("bytes", "asc") => assert!(bytes.is_sorted_by(|one, next| one < next), "{bytes:?}"),
                        _ => {}
                    }
                    seen.extend(page.tunnels.iter().map(|tunnel| tunnel.id));
                    let Some(next) = page.next else { break };
                    after = format!("&after={next}");
                }
                seen.sort_unstable();
                assert_eq!(seen, (1..=25).collect::<Vec<_>>(), "{sort} {order}");
            }
        }
        drop(open);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_of_tunnels_is_forgotten_when_nobody_looks() {
        let (context, _commands) = context_of_tests();
        let _open = context.proxy.registry.register(0, Member::of_route("chat"), CLIENT);
        assert!(tunnel_list(&context, &query("")).await.tunnels[0].rate.is_none());
        assert!(tunnel_list(&context, &query("sort=rate")).await.tunnels[0].rate.is_some());
        assert!(context.rates.has_looks());
        sleep(Duration::from_secs(121)).await;
        assert!(!context.rates.has_looks());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nothing_has_is_told_and_one_that_open_tunnels_still_have_is_none() {
        let (context, _commands) = context_of_tests();
        let _open = context.proxy.registry.register(0, Member::of_route("gone"), CLIENT);
        let unknown = |text: &str| unknown_name(&context, &query(text));
        for known in ["route=chat", "route=gone", "upstream=chat", "listener=public&min_age=1h", "endpoint=x"] {
            assert_eq!(unknown(known), None, "{known}");
        }
        let told = |text: &str| unknown(text).unwrap();
        assert_eq!(told("route=chta"), "there is no route of this name: there is chat");
        assert_eq!(told("route=chat&listener=pubic"), "there is no listener of this name: there is public");
        assert_eq!(told("upstream=x"), "there is no upstream of this name: there is chat");
    }

    /// `cargo test --release --lib -- --ignored --nocapture a_list_of_nine_thousand`
    #[tokio::test]
    #[ignore = "it measures"]
    async fn a_list_of_nine_thousand_tunnels_costs_this_much() {
        let (context, _commands) = context_of_tests();
        let registry = &context.proxy.registry;
        let open: Vec<_> =
            (0..9000).map(|number| registry.register(number, Member::of_route("chat"), CLIENT)).collect();
        tunnel_list(&context, &query("")).await;
        sleep(AT_LEAST).await;
        for text in
            ["", "limit=1000", "sort=bytes&limit=1000", "sort=rate&limit=1000", "client=10.0.0.0/8&min_idle=1min"]
        {
            let begun = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let answer = serde_json::to_string_pretty(&tunnel_list(&context, &query(text)).await).unwrap();
            let ended = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let micros = (ended.tv_sec - begun.tv_sec) * 1_000_000 + (ended.tv_nsec - begun.tv_nsec) / 1000;
            println!("{text:?}: {micros} µs of CPU, {} bytes", answer.len());
        }
        drop(open);
    }
}
