//! What is said of lines that cannot be written, and where: a log that fails cannot say so itself.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::Level;

use super::line::{LogLine, line_of};
use super::missing::{GivenUp, SummedErrors, Urgency};
use super::output::Output;
use super::patience::patiently;
use super::stream::StreamOutput;
use super::style::{Shape, Style};

/// Where it is told what goes wrong with lines.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// Among them, which look like this; on standard error as long as they cannot be written.
    Here(Style),
    /// In the log: these lines are another's, and tools read them.
    InTheLog,
}

/// Something keeps the lines from being written; they wait.
#[derive(Debug)]
pub(super) struct Trouble {
    since: Instant,
    what: String,
}

impl Trouble {
    /// It begins, and is said.
    pub(super) fn begin(told: &Told, to: &Output, error: &io::Error) -> Self {
        match told {
            Told::Here(style) => say_on_stderr(
                *style,
                to,
                &format!(
                    "the log cannot be written to {to}: {error}; up to 4 MiB of lines wait for that, and what does not fit is counted"
                ),
            ),
            Told::InTheLog => {
                tracing::error!(target: TROUBLE, %to, %error, "the access log cannot be written; up to 4 MiB of lines wait for that")
            }
        }
        Self { since: Instant::now(), what: error.to_string() }
    }

    /// It is over: the line about it, if it stands among those that could not be written.
    pub(super) fn end(self, told: &Told, to: &Output) -> Option<String> {
        let Self { since, what } = self;
        let seconds = since.elapsed().as_secs();
        let Told::Here(style) = told else {
            tracing::warn!(target: TROUBLE, %to, error = what, for_seconds = seconds, "the access log can be written again");
            return None;
        };
        let mut line = LogLine::begin(*style, Level::WARN);
        line.write_message("the log can be written again");
        line.write_text("to", &to.to_string());
        line.write_text("error", &what);
        line.write_plain("for_seconds", seconds);
        Some(line.finish(TROUBLE))
    }
}

impl Told {
    /// A file cannot be opened again, and the old one is written on: the line about it, if it stands there.
    pub(super) fn not_reopened(&self, to: &Output, error: &impl Display) -> Option<String> {
        let Self::Here(style) = self else {
            tracing::error!(target: TROUBLE, %to, %error, "the access log cannot be opened again; the file that is open is written on");
            return None;
        };
        say_on_stderr(
            *style,
            to,
            &format!(
                "the log cannot be opened again at {to}: {error}; the file that is open is written on until it can"
            ),
        );
        let mut line = LogLine::begin(*style, Level::ERROR);
        line.write_message("the log cannot be opened again; the file that is open is written on until it can");
        line.write_text("to", &to.to_string());
        line.write_text("error", &error.to_string());
        Some(line.finish(TROUBLE))
    }
}

impl Told {
    /// Lines were dropped, since they came too fast: the line about it, if it stands among them.
    pub(super) fn dropped(&self, to: &Output, lines: u64) -> Option<String> {
        let Self::Here(style) = self else {
            tracing::warn!(target: TROUBLE, %to, lines, "lines of the access log were dropped: they came faster than they were written");
            return None;
        };
        let mut line = LogLine::begin(*style, Level::WARN);
        line.write_message("log lines were dropped: they were written faster than they were read");
        line.write_plain("lines", lines);
        Some(line.finish(TROUBLE))
    }

    /// Errors found no room: the line about them, if it stands among the others.
    pub(super) fn summed(&self, sum: &SummedErrors) -> Option<String> {
        let Self::Here(style) = self else { return None };
        let mut line = LogLine::begin(*style, Level::ERROR);
        line.write_message("errors were summed, for there was no room for their lines");
        line.write_text("first", &sum.message);
        line.write_plain("times", sum.times);
        Some(line.finish(TROUBLE))
    }

    /// Lines are never taken there, whatever is tried: the line about them, if it stands among those behind.
    pub(super) fn refused(&self, to: &Output, refused: &Refused) -> Option<String> {
        let Self::Here(style) = self else { return None };
        let mut line = LogLine::begin(*style, refused.level);
        line.write_message("log lines were dropped: they are too large for where they go");
        line.write_plain("lines", refused.lines);
        line.write_text("first", &refused.first);
        line.write_text("to", &to.to_string());
        line.write_text("error", &refused.error);
        Some(line.finish(TROUBLE))
    }

    /// A place that nothing goes to any more is given up. The log goes elsewhere by now, and hears of it there, as it finds room for that.
    pub(super) fn given_up(&self, to: &Output, given_up: &GivenUp) {
        patiently(PATIENCE, || self.tell_given_up(to, given_up));
    }

    fn tell_given_up(&self, to: &Output, given_up: &GivenUp) {
        let GivenUp { dropped: lines, errors, before } = given_up;
        let dropped_before = (before.dropped > 0).then_some(before.dropped);
        if *lines > 0 || dropped_before.is_some() {
            match self {
                Self::Here(_) => tracing::warn!(
                    target: TROUBLE,
                    %to,
                    lines,
                    dropped_before,
                    "lines were dropped: they waited for a place that takes none, and the log goes elsewhere, or looks otherwise, by now"
                ),
                Self::InTheLog => tracing::warn!(
                    target: TROUBLE,
                    %to,
                    lines,
                    dropped_before,
                    "lines of the access log were dropped: they waited for a file that takes none, and a reload has ended that log, or changed it"
                ),
            }
        }
        for SummedErrors { message, times } in &before.summed {
            tracing::error!(target: TROUBLE, %to, first = message, times, "errors were summed, for there was no room for their lines");
        }
        for line in errors {
            tracing::error!(target: TROUBLE, %to, line = line.trim_end(), "an error waited for a place that takes no lines");
        }
    }
}

/// Lines that are never taken where they go, until that is said: one sum of them, however many they are.
#[derive(Debug)]
pub(super) struct Refused {
    lines: u64,
    /// How urgent it is to say so.
    level: Level,
    /// How the first of them begins.
    first: String,
    error: String,
}

impl Refused {
    /// The first of them.
    pub(super) fn new(error: &io::Error, line: &str) -> Self {
        let begins = line.lines().next().unwrap_or_default();
        let first = begins.split_at(begins.floor_char_boundary(LONGEST_FIRST)).0.to_owned();
        Self { lines: 0, level: Level::WARN, first, error: error.to_string() }
    }

    /// One more.
    pub(super) fn add(&mut self, urgency: Urgency) {
        self.lines += 1;
        if urgency == Urgency::Error {
            self.level = Level::ERROR;
        }
    }

    /// How many they are.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }
}

/// Says it on standard error, where that takes it at once and is not what lines are written to.
fn say_on_stderr(style: Style, to: &Output, text: &str) {
    if matches!(to, Output::Stream(_)) {
        return;
    }
    let shape = if style.shape == Shape::Json { Shape::Json } else { Shape::Logfmt };
    let line = line_of(Style { shape, ..style }, Level::ERROR, text, TROUBLE) + "\n";
    let Ok(stderr) = io::stderr().as_fd().try_clone_to_owned() else { return };
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    // Who reads it may stand still, and the lines are not to wait for that.
    let takes_it = poll(&mut asked, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
    if takes_it {
        // Nobody is left who could be told.
        let _ = StreamOutput::new(stderr).write_all(line.as_bytes());
    }
}

/// Who says in the log what became of lines: for a filter that lets these through, whatever else it does.
pub const TROUBLE: &str = "windlass::log::trouble";

/// How long it is waited for the place where it is told what another has not taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is said of the first line that was refused, in bytes.
const LONGEST_FIRST: usize = 256;
