//! What `windlass top` is asked for, and where it can be shown.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::live::live;
use super::model::Model;
use super::view::Palette;
use crate::admin::{Client, ParsedAnswer, Status};
use crate::cli::ask::AskAt;
use crate::cli::failure::Failure;
use crate::config::parse_duration;

#[derive(Debug, Args)]
pub(in crate::cli) struct TopArguments {
    /// How often it looks, from 1s to 1min
    #[arg(long, value_name = "DURATION", value_parser = pace, default_value = "1s")]
    every: Duration,
    /// Only the tunnels of this route, as / filters them
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    #[command(flatten)]
    ask: AskAt,
}

pub(in crate::cli) async fn top(arguments: TopArguments, terminal: Option<OsString>) -> Result<ExitCode, Failure> {
    let TopArguments { every, route, ask } = arguments;
    let instead = "`windlass status` and `windlass tunnels` write what a pipe or a script can read";
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Wrong(format!("top needs a terminal to draw on and to read keys from: {instead}")));
    }
    if !can_be_drawn_on(terminal.as_deref()) {
        let why = "top needs a terminal that can be drawn on, and TERM says that this one is \"dumb\"";
        return Err(Failure::Wrong(format!("{why}: {instead}")));
    }
    let client = ask.client().await?;
    answers(&client).await?;
    let palette = match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Palette::Plain,
        _ => Palette::Colours,
    };
    let filter = route.map(|route| format!("route={route}")).unwrap_or_default();
    let model = Model::new(client.place(), every, filter);
    live(client, model, palette).await
}

/// Whether somebody answers there: an empty screen would not say why it is one.
async fn answers(client: &Client) -> Result<(), Failure> {
    let _: ParsedAnswer<Status> = client.get("/status").await?;
    Ok(())
}

/// The windows of editors and build tools that show lines alone say so. Where nothing is said (`exec` into some containers), it can be.
fn can_be_drawn_on(terminal: Option<&OsStr>) -> bool {
    terminal.is_none_or(|name| name != "dumb")
}

/// The process puts together what there is to see once a second.
fn pace(text: &str) -> Result<Duration, String> {
    let every = parse_duration(text).map_err(|wrong| wrong.to_string())?;
    let bounds = Duration::from_secs(1)..=Duration::from_mins(1);
    if bounds.contains(&every) { Ok(every) } else { Err("write a time from 1s to 1min".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AdminListen;

    #[test]
    fn what_shows_lines_alone_is_not_drawn_on() {
        assert!(can_be_drawn_on(None) && can_be_drawn_on(Some(OsStr::new("xterm-256color"))));
        assert!(!can_be_drawn_on(Some(OsStr::new("dumb"))));
    }

    #[tokio::test]
    async fn nothing_is_drawn_where_nobody_answers() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = Client::new(AdminListen::Unix(folder.path().join("admin.sock")));
        let Err(Failure::Failed(said)) = answers(&nobody).await else { panic!("somebody answers") };
        assert!(said.starts_with("no windlass answers at unix:") && said.contains("is it running"), "{said}");
    }

    #[test]
    fn it_looks_no_faster_than_there_is_something_to_see() {
        assert_eq!(pace("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["100ms", "2min", "often", "0s"] {
            assert!(pace(wrong).is_err(), "{wrong}");
        }
    }
}
