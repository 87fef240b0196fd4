//! `windlass tunnels`: what is open, one line each.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use form_urlencoded::Serializer;
use ipnet::IpNet;

use super::ask::Ask;
use super::failure::Failure;
use super::operate::duration;
use super::show::{table, time};
use crate::admin::{ParsedAnswer, TunnelDetail, TunnelList, TunnelStatus};
use crate::drain::ClaimMatch;

#[derive(Debug, Args)]
pub(super) struct TunnelsArguments {
    /// One tunnel alone, and everything that is known of it
    #[arg(value_name = "ID")]
    id: Option<u64>,
    /// Only those of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Only those of this upstream
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Only those of this endpoint
    #[arg(long, value_name = "UPSTREAM/NAME")]
    endpoint: Option<String>,
    /// Only those that came through this listener
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Only those of this address, or network
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    client: Option<IpNet>,
    /// Only those of whom this was said, such as sub=ada; where it stands several times, all of it
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<ClaimMatch>,
    /// Only those that are open for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    min_age: Option<String>,
    /// Only those where no data has passed for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    min_idle: Option<String>,
    /// Only those with so many messages a second
    #[arg(long, value_name = "NUMBER")]
    min_rate: Option<f64>,
    /// What comes first: the oldest, the quietest, what has carried most, what is fastest now, what waits most
    #[arg(long, value_name = "BY", value_enum, default_value = "age")]
    sort: Sort,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    /// How many at the most, up to 1000
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: Option<u16>,
    /// Go on where another list ended: its `next`
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Age,
    Idle,
    Bytes,
    Messages,
    Rate,
    Buffered,
}

pub(super) async fn tunnels(arguments: TunnelsArguments) -> Result<ExitCode, Failure> {
    let client = arguments.ask.client()?;
    if let Some(id) = arguments.id {
        let answer: ParsedAnswer<TunnelDetail> = client.get(&format!("/tunnels/{id}")).await?;
        arguments.ask.write(&answer, detail);
    } else {
        let answer: ParsedAnswer<TunnelList> = client.get(&format!("/tunnels?{}", arguments.query())).await?;
        arguments.ask.write(&answer, list);
    }
    Ok(ExitCode::SUCCESS)
}

impl TunnelsArguments {
    /// The same, as the process reads it.
    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        let number = |number: Option<f64>| number.map(|number| number.to_string());
        let texts = [
            ("route", self.route.clone()),
            ("upstream", self.upstream.clone()),
            ("endpoint", self.endpoint.clone()),
            ("listener", self.listener.clone()),
            ("client", self.client.map(|client| client.to_string())),
            ("min_age", self.min_age.clone()),
            ("min_idle", self.min_idle.clone()),
            ("min_rate", number(self.min_rate)),
            ("sort", self.sort.to_possible_value().map(|value| value.get_name().to_owned())),
            ("order", self.reverse.then(|| "asc".to_owned())),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("after", self.after.clone()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                query.append_pair(name, &text);
            }
        }
        for claim in &self.claim {
            query.append_pair("claim", &claim.to_string());
        }
        query.finish()
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    address.or_else(|_| text.parse()).map_err(|_| "write an address, or a network such as 10.0.0.0/8".into())
}

fn list(list: &TunnelList) -> String {
    let rows = list.tunnels.iter().map(|it| {
        let rate = it.rate.map_or_else(|| "?".into(), |rate| format!("{}/s", rate.messages_per_second));
        let ending = if it.is_ending { "ending" } else { "" };
        [
            it.id.to_string(),
            it.route.clone(),
            format!("{}/{}", it.upstream, it.endpoint),
            it.client.clone(),
            time(it.age_seconds),
            time(it.idle_seconds),
            sum(it.messages.from_client, it.messages.from_upstream).to_string(),
            bytes(sum(it.bytes.from_client, it.bytes.from_upstream)),
            rate,
            ending.into(),
        ]
    });
    let titles = ["TUNNEL", "ROUTE", "ENDPOINT", "CLIENT", "AGE", "IDLE", "MESSAGES", "BYTES", "RATE", ""];
    let mut text = table(titles, rows).trim_start().to_owned();
    if list.tunnels.len() < list.matching || list.matching < list.open {
        text += &format!("\n{} of {} that match, of {} that are open", list.tunnels.len(), list.matching, list.open);
    }
    if let Some(next) = &list.next {
        text += &format!("\n--after {next} shows the next ones");
    }
    for it in &list.not_listed {
        let count = it.tunnels.map_or_else(|| "its tunnels".into(), super::show::tunnels);
        text += &format!("\nprocess {}, which handed over, has {count}, which are not listed", it.pid);
    }
    if text.is_empty() { "no tunnel is open".into() } else { text.trim_end().to_owned() }
}

fn detail(tunnel: &TunnelDetail) -> String {
    let TunnelStatus { id, listener, route, upstream, endpoint, client, path, host, .. } = &tunnel.status;
    let status = &tunnel.status;
    let mut rows = vec![
        ["tunnel".to_owned(), id.to_string()],
        ["client".into(), format!("{client}, {} through {listener}", tunnel.protocol)],
        ["asked for".into(), format!("{host}{path}")],
        ["placed on".into(), format!("{upstream}/{endpoint} by route {route} ({})", tunnel.placed)],
        ["open for".into(), time(status.age_seconds)],
        ["idle for".into(), time(status.idle_seconds)],
        [
            "from client".into(),
            format!("{} messages, {}", status.messages.from_client, bytes(status.bytes.from_client)),
        ],
        [
            "from upstream".into(),
            format!("{} messages, {}", status.messages.from_upstream, bytes(status.bytes.from_upstream)),
        ],
    ];
    let mut add = |name: &str, text: Option<String>| rows.extend(text.map(|text| [name.to_owned(), text]));
    add("rate", status.rate.map(|it| format!("{}/s, {} B/s", it.messages_per_second, it.bytes_per_second)));
    let waiting = sum(status.buffered_bytes.from_client.into(), status.buffered_bytes.from_upstream.into());
    add("waiting", (waiting > 0).then(|| bytes(waiting)));
    add("client ping", status.ping_ms.client.map(|time| format!("{time} ms")));
    add("endpoint ping", status.ping_ms.upstream.map(|time| format!("{time} ms")));
    add("user agent", Some(tunnel.user_agent.clone()).filter(|text| !text.is_empty()));
    add("request", tunnel.request_id.clone());
    add("claims", Some(tunnel.claims.join(", ")).filter(|text| !text.is_empty()));
    add("permitted for", tunnel.permitted_for_seconds.map(time));
    let order = tunnel.order.as_ref();
    add(
        "ends",
        order.map(|it| {
            format!("{} ({} {}), in {} at the latest", it.cause, it.close_code, it.reason, time(it.ends_in_seconds))
        }),
    );
    let width = rows.iter().map(|[name, _]| name.len()).max().unwrap_or_default();
    rows.iter().map(|[name, text]| format!("{name:width$}  {text}")).collect::<Vec<_>>().join("\n")
}

fn sum(one: u64, other: u64) -> u64 {
    one.saturating_add(other)
}

#[expect(clippy::cast_precision_loss, reason = "people read it")]
fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!(
            [0, 1023, 1024, 1_572_864, 5_368_709_120].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 GiB"]
        );
    }
}
