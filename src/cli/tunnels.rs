//! `windlass tunnels`: what is open, one line each.

use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use strum::VariantArray;

use super::amounts::{bytes, sum, time};
use super::ask::Ask;
use super::facts::facts;
use super::failure::Failure;
use super::operate::duration;
use super::show::table;
use crate::admin::{ParsedAnswer, SortOrder, TunnelDetail, TunnelList, TunnelParameter, TunnelSort, tunnels_path};
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
    #[arg(long, value_name = "BY", value_enum, default_value_t)]
    sort: TunnelSort,
    /// Which come first: those with most, or those with least
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    order: SortOrder,
    /// The same as --order asc
    #[arg(long, hide = true, conflicts_with = "order")]
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

impl ValueEnum for TunnelSort {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl ValueEnum for SortOrder {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

pub(super) async fn tunnels(arguments: TunnelsArguments) -> Result<ExitCode, Failure> {
    let client = arguments.ask.client().await?;
    if let Some(id) = arguments.id {
        let answer: ParsedAnswer<TunnelDetail> = client.get(&format!("/tunnels/{id}")).await?;
        arguments.ask.write(&answer, detail);
    } else {
        let answer: ParsedAnswer<TunnelList> = client.get(&arguments.path()).await?;
        arguments.ask.write(&answer, list);
    }
    Ok(ExitCode::SUCCESS)
}

impl TunnelsArguments {
    /// The same, as the process reads it.
    fn path(&self) -> String {
        let order = if self.reverse { SortOrder::Ascending } else { self.order };
        let texts = [
            (TunnelParameter::Route, self.route.clone()),
            (TunnelParameter::Upstream, self.upstream.clone()),
            (TunnelParameter::Endpoint, self.endpoint.clone()),
            (TunnelParameter::Listener, self.listener.clone()),
            (TunnelParameter::Client, self.client.map(|client| client.to_string())),
            (TunnelParameter::MinAge, self.min_age.clone()),
            (TunnelParameter::MinIdle, self.min_idle.clone()),
            (TunnelParameter::MinRate, self.min_rate.map(|rate| rate.to_string())),
            (TunnelParameter::Sort, Some(self.sort.as_str().to_owned())),
            (TunnelParameter::Order, Some(order.as_str().to_owned())),
            (TunnelParameter::Limit, self.limit.map(|limit| limit.to_string())),
            (TunnelParameter::After, self.after.clone()),
        ];
        let claims = self.claim.iter().map(|claim| (TunnelParameter::Claim, Some(claim.to_string())));
        let said: Vec<_> = texts.into_iter().chain(claims).collect();
        tunnels_path(said.iter().filter_map(|(parameter, text)| Some((*parameter, text.as_deref()?))))
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
    let rows = facts(tunnel);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    rows.iter().map(|(name, text)| format!("{name:width$}  {text}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::arguments::Cli;
    use super::*;

    #[test]
    fn whatever_the_process_can_be_asked_has_an_option_of_the_same_name() {
        let command = Cli::command();
        let options = command.find_subcommand("tunnels").unwrap();
        for parameter in TunnelParameter::VARIANTS {
            let name = parameter.as_str().replace('_', "-");
            assert!(options.get_arguments().any(|it| it.get_long() == Some(&name)), "there is no --{name}");
        }
    }
}
