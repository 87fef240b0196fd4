//! `windlass where`: which endpoint a request like this would be placed on.

use std::net::IpAddr;
use std::process::ExitCode;

use clap::Args;
use form_urlencoded::Serializer;

use super::ask::Ask;
use super::failure::Failure;
use super::show::table;
use crate::admin::{ParsedAnswer, WhereAnswer};

#[derive(Debug, Args)]
pub(super) struct WhereArguments {
    /// A header of it, such as x-user=ada; also several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<String>,
    /// The host that it asks
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Its path, with the query
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,
    /// The address of its client
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// The listener that it comes through [default: the first that leads to a route]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn place(arguments: WhereArguments) -> Result<ExitCode, Failure> {
    let WhereArguments { header, host, path, client, listener, ask } = arguments;
    let mut query = Serializer::new(String::new());
    query.append_pair("path", &path);
    let client = client.map(|client| client.to_string());
    for (name, text) in [("host", host), ("client", client), ("listener", listener)] {
        if let Some(text) = text {
            query.append_pair(name, &text);
        }
    }
    for header in &header {
        query.append_pair("header", header);
    }
    let answer: ParsedAnswer<WhereAnswer> = ask.client().await?.get(&format!("/where?{}", query.finish())).await?;
    ask.write(&answer, shown);
    Ok(ExitCode::SUCCESS)
}

fn header(text: &str) -> Result<String, String> {
    let is_one = text.split_once('=').is_some_and(|(name, _)| !name.is_empty());
    if is_one { Ok(text.to_owned()) } else { Err("write NAME=VALUE, such as x-user=ada".into()) }
}

fn shown(answer: &WhereAnswer) -> String {
    let WhereAnswer { listener, route, upstream, key, why, endpoints } = answer;
    let to = upstream.as_ref().map(|upstream| format!(", upstream {upstream}")).unwrap_or_default();
    let by = key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
    let rows = endpoints.iter().map(|it| [it.endpoint.clone(), it.address.clone(), it.tunnels.to_string()]);
    let nobody = if upstream.is_some() && endpoints.is_empty() {
        "\nno endpoint takes newcomers: it would read 503"
    } else {
        ""
    };
    let text = format!("listener {listener}, route {route}{to}: {why}{by}{nobody}\n");
    (text + &table(["ENDPOINT", "ADDRESS", "TUNNELS"], rows)).trim_end().to_owned()
}
