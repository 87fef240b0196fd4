//! Where the running process is asked, and how its answer is written.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::file::ConfigFile;
use super::output::say;
use crate::admin::{Client, ParsedAnswer};
use crate::app::UsualSocket;
use crate::config::{AdminListen, AdminListenerSettings, NamedFile, NotCompared, Problems, parse_admin_listen};
use crate::snapshot::read_operator_token;

/// Where the running process is asked, and how its answer is written.
#[derive(Clone, Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    at: AskAt,
    /// Write JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

/// Where the running process is asked.
#[derive(Clone, Debug, Args)]
pub(super) struct AskAt {
    // No doc comment: its brackets would be links.
    #[arg(
        short,
        long,
        value_name = "FILE",
        help = "Only says where to ask, by its [admin]; the process reads its own file [default: /etc/windlass/windlass.toml]"
    )]
    config: Option<PathBuf>,
    /// Ask here instead: unix:/PATH or ADDRESS:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = parse_admin_listen)]
    admin: Option<AdminListen>,
    /// The file with the token that is shown there [default: what the configuration file names for that address]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    // Nobody writes it: it says where this user's sockets are.
    #[arg(long, env = "XDG_RUNTIME_DIR", hide = true)]
    runtime_directory: Option<PathBuf>,
}

impl Ask {
    /// The same, where the file is another one.
    pub(super) fn with_config(self, config: Option<PathBuf>) -> Self {
        Self { at: AskAt { config, ..self.at }, ..self }
    }

    pub(super) fn client(&self) -> Result<Client, Failure> {
        self.at.client()
    }

    pub(super) fn file(&self) -> ConfigFile {
        self.at.file()
    }

    pub(super) fn write<T>(&self, answer: &ParsedAnswer<T>, table: impl Fn(&T) -> String) {
        if self.json { say(answer.text.trim_end()) } else { say(&table(&answer.value)) }
    }
}

impl AskAt {
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let settings = match &self.admin {
            Some(listen) => self.file().admin_at(listen.clone()),
            None => self.configured().map_err(|problems| {
                Failure::Wrong(format!("{problems}\n    or ask at an address: --admin unix:/PATH"))
            })?,
        };
        if settings.tls.is_some() {
            let problem = format!("{} is asked over TLS, which the commands do not speak", settings.listen);
            let hint = "ask at a unix socket, or write `curl --cacert …`";
            return Err(Failure::Wrong(format!("{problem}: {hint}")));
        }
        let named = self.token_file.clone().map(|path| NamedFile { path, location: NotCompared::default() });
        let client = Client::new(settings.listen);
        Ok(match named.or(settings.token) {
            Some(file) => client.showing(read_operator_token(&file).map_err(|it| Failure::Wrong(it.to_string()))?),
            None => client,
        })
    }

    /// Where the configuration says, or else whoever listens at a usual place.
    fn configured(&self) -> Result<AdminListenerSettings, Problems> {
        let file = self.file();
        let usual = UsualSocket::of(self.runtime_directory.as_deref(), Some(file.path()));
        file.admin(&usual)
    }

    fn file(&self) -> ConfigFile {
        ConfigFile::new(self.config.clone())
    }
}
