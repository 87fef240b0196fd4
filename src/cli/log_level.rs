//! `windlass log-level`: which lines the running process writes, and how that is changed for a while.

use std::process::ExitCode;

use clap::Args;

use super::ask::Ask;
use super::failure::Failure;
use super::operate::duration;
use crate::admin::{LogLevelRequest, LogLevelStatus};
use crate::config::{SyntaxError, parse_log_level};

#[derive(Debug, Args)]
pub(super) struct LogLevelArguments {
    /// error, warn, info, debug or trace; what holds is shown where it is left out
    #[arg(value_name = "LEVEL", value_parser = level)]
    level: Option<String>,
    /// For how long, such as 10min; then that of the configuration holds again [default: until a reload changes it, or a restart]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, requires = "level")]
    time: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn log_level(arguments: LogLevelArguments) -> Result<ExitCode, Failure> {
    let LogLevelArguments { level, time, ask } = arguments;
    let client = ask.client().await?;
    let answer = match level {
        None => client.get("/log-level").await?,
        Some(level) => client.post("/log-level", &LogLevelRequest { level, time }).await?,
    };
    ask.write(&answer, shown);
    Ok(ExitCode::SUCCESS)
}

fn level(text: &str) -> Result<String, SyntaxError> {
    parse_log_level(text).map(|_| text.to_owned())
}

fn shown(LogLevelStatus { level, decided_by, configured, back_in_seconds }: &LogLevelStatus) -> String {
    let until = back_in_seconds.map_or_else(String::new, |seconds| format!(" for {seconds} s more, then {configured}"));
    match decided_by.as_str() {
        "operator" => format!("{level}, by an operator{until}; log.level is {configured}"),
        "RUST_LOG" => format!("{level}, by RUST_LOG; log.level, {configured}, has no say"),
        _ => format!("{level}, by log.level"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_is_told_with_why_and_until_when() {
        let status = |decided_by: &str, back_in_seconds| {
            let (level, configured) = ("debug".into(), "info".into());
            shown(&LogLevelStatus { level, decided_by: decided_by.into(), configured, back_in_seconds })
        };
        assert_eq!(status("configuration", None), "debug, by log.level");
        assert_eq!(status("operator", None), "debug, by an operator; log.level is info");
        assert_eq!(status("operator", Some(90)), "debug, by an operator for 90 s more, then info; log.level is info");
        assert_eq!(status("RUST_LOG", None), "debug, by RUST_LOG; log.level, info, has no say");
    }
}
