//! How a drain goes, for people: a bar on a terminal, a line for each change elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::say;
use super::show;
use crate::admin::DrainStatus;

/// Where it is shown.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nowhere: a script reads.
    Silent,
    /// A line each.
    Lines,
    /// One line that changes.
    Bar(ProgressBar),
}

impl Progress {
    /// On the standard output, of a drain of so many tunnels.
    pub(super) fn on_output(tunnels: usize) -> Self {
        if !io::stdout().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::with_draw_target(Some(tunnels as u64), ProgressDrawTarget::stdout());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// It has come so far.
    pub(super) fn show(&self, drain: &DrainStatus) {
        match self {
            Self::Silent => {}
            Self::Lines => say(&show::progress(drain)),
            Self::Bar(bar) => {
                bar.set_length(drain.tunnels as u64);
                bar.set_position(drain.tunnels.saturating_sub(drain.left) as u64);
                bar.set_message(show::progress(drain));
            }
        }
    }

    /// It is over.
    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
