//! `windlass import`: another proxy's configuration as one of ours.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{FAILED, LEFT, WRONG, complain};
use crate::config::counted;
use crate::import::{Counts, ImportError, ReadError, Written, nginx};

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Of nginx: what cannot be carried over stands in comments of what is written
    #[command(after_help = EXAMPLES)]
    Nginx(NginxArguments),
}

#[derive(Debug, Args)]
struct NginxArguments {
    /// The file of nginx: nginx.conf, or one of a site; what it includes is read too
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write to this file, which must not be there yet [default: the standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With --output: take the place of a file that is there
    #[arg(long, requires = "output")]
    force: bool,
    /// Where relative paths in it start, as with `nginx -p` [default: the folder of FILE]
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  windlass import nginx /etc/nginx/nginx.conf -o windlass.toml
  windlass import nginx --prefix /etc/nginx /etc/nginx/sites-enabled/chat
  windlass check windlass.toml           then read its comments, and try it

Exit codes:
  0  all of it was carried over, or means nothing here   1  a file could not be read or written
  2  it is no configuration of nginx, or nothing in it can be a route
  3  written, with things that somebody has to look at: the comments \"look at this\"";

/// Does what was asked for.
pub(super) fn import(ImportArguments { from: From::Nginx(arguments) }: ImportArguments) -> ExitCode {
    let imported = prefix(&arguments).and_then(|prefix| nginx(&arguments.file, &prefix).map_err(Failure::Import));
    match imported.and_then(|written| hand_over(&written.text, &arguments).map(|()| written)) {
        Ok(written) => finish(&written, &arguments),
        Err(failure) => failure.finish(),
    }
}

enum Failure {
    Import(ImportError),
    File(String),
}

impl Failure {
    fn finish(self) -> ExitCode {
        match self {
            Self::File(problem) => {
                complain(&problem);
                ExitCode::from(FAILED)
            }
            Self::Import(error) => {
                complain(&error.to_string());
                if let ImportError::NoRoute { told, .. } = &error {
                    complain(told);
                }
                ExitCode::from(match error {
                    ImportError::Read(ReadError::Unreadable { .. }) | ImportError::Invalid { .. } => FAILED,
                    ImportError::Read(ReadError::Syntax { .. }) | ImportError::NoRoute { .. } => WRONG,
                })
            }
        }
    }
}

fn prefix(NginxArguments { file, prefix, .. }: &NginxArguments) -> Result<PathBuf, Failure> {
    let folder = prefix.as_deref().or_else(|| file.parent()).unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    absolute(folder).map_err(|error| Failure::File(format!("{}: {error}", file.display())))
}

fn hand_over(text: &str, NginxArguments { output, force, .. }: &NginxArguments) -> Result<(), Failure> {
    let Some(output) = output else {
        // Whoever has closed the pipe does not want to read on.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return Ok(());
    };
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(output).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => "it is there already: name another one, or write --force".to_owned(),
            _ => error.to_string(),
        };
        Failure::File(format!("{}: {hint}", output.display()))
    })
}

fn finish(Written { counts, .. }: &Written, arguments: &NginxArguments) -> ExitCode {
    let Counts { carried, meaningless, left } = *counts;
    let carried = counted(carried, "directive");
    complain(&format!(
        "{}: {carried} carried over, {meaningless} that mean nothing here, {left} to look at{}",
        arguments.file.display(),
        if left > 0 { ": see the comments \"look at this\"" } else { "" }
    ));
    if left > 0 { ExitCode::from(LEFT) } else { ExitCode::SUCCESS }
}
