//! What a process says on standard error that has no log yet, or none any more.
//!
//! In a handoff the log of the process before is written there too: what is said stands among its lines, and is one of them.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};

use tracing::Level;

use super::environment::Environment;
use super::error::RunError;
use super::logging::{LogReader, shape};
use crate::config::{LogFormat, LogPlace};
use crate::log::{Style, line_of};

/// The process ends with a failure.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: RunError,
    pub(super) beside: Beside,
}

/// What else is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing: people read it, on a screen or in a journal.
    Nothing,
    /// A log, which most likely looks like this.
    Log(LogFormat),
}

impl Beside {
    /// What is written beside a process with this environment, before it has read its file.
    pub(super) fn of(environment: &Environment) -> Self {
        match environment.handoff_fd {
            Some(_) => Self::Log(LogFormat::Auto),
            None => Self::Nothing,
        }
    }

    /// The file is read: its log looks like this.
    pub(super) fn note_format(&mut self, format: LogFormat) {
        if let Self::Log(known) = self {
            *known = format;
        }
    }
}

impl Failed {
    /// The same failure with a better explanation.
    pub fn map(self, explain: impl FnOnce(RunError) -> RunError) -> Self {
        Self { error: explain(self.error), ..self }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.beside {
            Beside::Log(format) if !io::stderr().is_terminal() => {
                f.write_str(&as_line(format, &self.error.to_string()))
            }
            _ => self.error.fmt(f),
        }
    }
}

/// Has panics said in a line until the log begins, where one is written beside.
pub(super) fn say_panics_in_lines(beside: Beside) {
    if let Beside::Log(format) = beside
        && !io::stderr().is_terminal()
    {
        panic::set_hook(Box::new(move |panic| say_panic(format, panic)));
    }
}

fn say_panic(format: LogFormat, panic: &PanicHookInfo<'_>) {
    let text = as_line(format, &format!("a thread panicked: please report this: {panic}"));
    // Nobody is left who could be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A line of a log that nobody watches, without its end.
fn as_line(format: LogFormat, text: &str) -> String {
    let style = Style::of_this_process(shape(&LogPlace::Stderr, format, LogReader::Other));
    line_of(style, Level::ERROR, text, module_path!())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_beside_a_log_is_one_line_of_it() {
        let text = "two \"lines\"\nand \u{1b}[31m colours\n";
        let line: serde_json::Value = serde_json::from_str(&as_line(LogFormat::Auto, text)).unwrap();
        assert_eq!((line["message"].as_str(), line["level"].as_str()), (Some(text), Some("ERROR")));
        let line = as_line(LogFormat::Text, text);
        assert!(line.starts_with("ts=") && !line.contains(['\n', '\u{1b}']), "{line}");
    }

    #[test]
    fn only_a_successor_speaks_beside_a_log() {
        let mut environment = Environment::default();
        assert_eq!(Beside::of(&environment), Beside::Nothing);
        environment.handoff_fd = Some("3".into());
        let mut beside = Beside::of(&environment);
        beside.note_format(LogFormat::Text);
        assert_eq!(beside, Beside::Log(LogFormat::Text));
    }
}
