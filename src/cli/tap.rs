//! `windlass tap`: what passes through one tunnel, as it passes.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::ask::Ask;
use super::failure::Failure;
use super::operate::duration;
use super::output::say;
use crate::admin::{SeenLine, TapLine, TapRequest};

#[derive(Debug, Args)]
pub(super) struct TapArguments {
    /// The number of the tunnel, as `windlass tunnels` and the log have it
    #[arg(value_name = "ID")]
    id: u64,
    /// Only what goes in this direction
    #[arg(long, value_name = "DIRECTION", value_enum)]
    direction: Option<Direction>,
    /// How many bytes of each message are shown [default: 256]
    #[arg(long, value_name = "BYTES")]
    cut: Option<usize>,
    /// Stop after so many bytes of all messages together [default: 1 MiB]
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// For how long, up to 1h [default: 30s]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    time: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Direction {
    FromClient,
    FromUpstream,
}

pub(super) async fn tap(arguments: TapArguments) -> Result<ExitCode, Failure> {
    let TapArguments { id, direction, cut, max_bytes, time, ask } = arguments;
    let direction = direction.map(|direction| match direction {
        Direction::FromClient => "from_client".to_owned(),
        Direction::FromUpstream => "from_upstream".to_owned(),
    });
    let request = TapRequest { tunnel: id, direction, cut, max_bytes, time };
    let told = |line: &str| match serde_json::from_str(line) {
        Ok(line) if !ask.json => say(&shown(&line)),
        _ => say(line),
    };
    ask.client().await?.follow("/tap", &request, told).await?;
    Ok(ExitCode::SUCCESS)
}

/// A line for people. What peers have sent paints no terminal.
fn shown(line: &TapLine) -> String {
    match line {
        TapLine::Began { tunnel, level, for_seconds } => {
            let why = if level == "headers" { "; admin.tap = \"messages\" shows what they say" } else { "" };
            format!("tunnel {tunnel}: {level}, for {for_seconds} s{why}")
        }
        TapLine::Seen(seen) => shown_message(seen),
        TapLine::Missing => "          … something is missing here: it came faster than it was read".to_owned(),
        TapLine::End { why } => match why.as_str() {
            "time" => "the time is over: --for takes more".to_owned(),
            "bytes" => "so much is shown: --max-bytes takes more".to_owned(),
            "ended" => "the tunnel has ended".to_owned(),
            _ => "the process needs the connection, or stops".to_owned(),
        },
    }
}

fn shown_message(seen: &SeenLine) -> String {
    let SeenLine { seconds, direction, kind, bytes, frames, compressed, text, hex, cut, code, hidden } = seen;
    let arrow = if direction == "from_client" { "client ─▶" } else { "◀─ endpoint" };
    let mut line = format!("{seconds:>9.3} {arrow:<11} {kind:<6} {bytes:>8} B");
    if *frames > 1 {
        line += &format!(" in {frames} frames");
    }
    if *compressed {
        line += " compressed";
    }
    if let Some(code) = code {
        line += &format!(" {code}");
    }
    match (text, hex, hidden) {
        (Some(text), ..) => line += &format!(" \"{}\"", text.escape_debug()),
        (_, Some(hex), _) => line += &format!(" {hex}"),
        (.., Some(hidden)) => line += &format!(" ({hidden})"),
        (None, None, None) => {}
    }
    if *cut { line + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line_that_paints_nothing() {
        let seen = SeenLine {
            seconds: 1.5,
            direction: "from_client".into(),
            kind: "text".into(),
            bytes: 12,
            frames: 2,
            compressed: true,
            text: Some("\u{1b}[31m\n\u{202e}hi".into()),
            cut: true,
            ..SeenLine::default()
        };
        let line = shown(&TapLine::Seen(seen));
        assert_eq!(line, r#"    1.500 client ─▶   text         12 B in 2 frames compressed "\u{1b}[31m\n\u{202e}hi"…"#);
        let hidden = SeenLine { kind: "binary".into(), hidden: Some("no".into()), ..SeenLine::default() };
        assert!(shown(&TapLine::Seen(hidden)).ends_with("binary        0 B (no)"));
    }
}
