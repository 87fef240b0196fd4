//! What packages bring along: completions for shells, and man pages, made of the command line itself.

use std::fs::create_dir_all;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The folder that the pages are written to: windlass.1 and one of each command
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes what completes `command` in a shell.
pub(super) fn completions(CompletionsArguments { shell }: CompletionsArguments, mut command: Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "windlass", &mut text);
    // Whoever has closed the pipe does not want to read on.
    let _ = io::stdout().lock().write_all(&text);
    ExitCode::SUCCESS
}

/// Writes a page for `command`, and one for each of its own.
pub(super) fn man(ManArguments { folder }: ManArguments, command: Command) -> ExitCode {
    match write_pages(&folder, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Failure::Failed(format!("{}: {error}", folder.display())).finish(),
    }
}

fn write_pages(folder: &Path, command: Command) -> io::Result<()> {
    create_dir_all(folder)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)
}
