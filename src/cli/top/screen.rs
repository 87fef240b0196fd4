//! The terminal while the view is on it, and as it was before.
//!
//! Invariant: whatever ends it (a key, a signal, an error, a panic), the terminal is given back: by the guard, or before the panic is told.

use std::io;

use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// The terminal is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) terminal: DefaultTerminal,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        // This sees to panics, too.
        let terminal = ratatui::try_init().inspect_err(|_| give_back())?;
        // What is pasted comes as that, and not as keys.
        execute!(io::stdout(), EnableBracketedPaste).inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }

    /// Gives it back until the shell lets us go on.
    pub(super) fn lend(&mut self, stop: impl FnOnce()) -> io::Result<()> {
        give_back();
        stop();
        self.take()
    }

    fn take(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// As far as it is still there.
fn give_back() {
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
