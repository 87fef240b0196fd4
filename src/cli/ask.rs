//! Where the running process is asked, and how its answer is written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::file::ConfigFile;
use super::output::say;
use crate::admin::{Client, ParsedAnswer, Status};
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

/// What whoever has changed the place to ask at has to know.
pub(super) const ADMIN_CHANGED: &str = "where [admin] was changed, the process listens where it did until it has reloaded: ask there by \
                                        --admin OLD, or signal it by `systemctl reload windlass` or `kill -HUP PID`";

/// Who listens at the usual places.
enum Found {
    /// Who serves the file that is meant.
    This(Client),
    /// Somebody who serves another.
    Another(Failure),
    Nobody,
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
    // Nobody writes it: it says where this user's sockets are. It may be there and empty, which no path is.
    #[arg(long, env = "XDG_RUNTIME_DIR", hide = true)]
    runtime_directory: Option<OsString>,
}

impl Ask {
    /// The same, where the file is another one.
    pub(super) fn with_config(self, config: Option<PathBuf>) -> Self {
        Self { at: AskAt { config, ..self.at }, ..self }
    }

    pub(super) async fn client(&self) -> Result<Client, Failure> {
        self.at.client().await
    }

    /// The same, whatever the process serves that is asked.
    pub(super) fn client_of_any_file(&self) -> Result<Client, Failure> {
        self.at.client_of_any_file()
    }

    pub(super) fn file(&self) -> ConfigFile {
        self.at.file()
    }

    /// Where else this is asked, if nobody answers where the file says: it may have been changed since.
    pub(super) async fn client_of_before(&self) -> Option<Client> {
        if self.at.names_address() { None } else { self.at.client_at_usual_place().await }
    }

    pub(super) fn write<T>(&self, answer: &ParsedAnswer<T>, table: impl Fn(&T) -> String) {
        if self.json { say(answer.text.trim_end()) } else { say(&table(&answer.value)) }
    }
}

impl AskAt {
    /// Who is asked. Where somebody names a file that does not say where, that is whoever listens at a usual place and serves this file:
    /// nobody else is steered.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        if !self.names_no_place() {
            return self.client_of_any_file();
        }
        match self.at_usual_places().await {
            Found::This(client) => Ok(client),
            Found::Another(problem) => Err(problem),
            Found::Nobody => self.client_of_any_file(),
        }
    }

    /// Whoever listens at a usual place and serves this file, whatever it says of where.
    pub(super) async fn client_at_usual_place(&self) -> Option<Client> {
        match self.at_usual_places().await {
            Found::This(client) => Some(client),
            Found::Another(_) | Found::Nobody => None,
        }
    }

    async fn at_usual_places(&self) -> Found {
        let (file, mut another) = (self.file(), None);
        for listen in self.usual().answering() {
            let client = Client::new(listen);
            let Ok(ParsedAnswer { value: Status { config, pid, .. }, .. }) = client.get("/status").await else {
                continue;
            };
            if config.as_deref().is_some_and(|served| file.is_the_one_at(served)) {
                return Found::This(client);
            }
            another.get_or_insert((pid, client.place(), config));
        }
        let Some((pid, place, config)) = another else { return Found::Nobody };
        let served = config.map_or_else(|| "what its command line says".into(), |it| it.display().to_string());
        let problem =
            format!("process {pid}, which listens at {place}, serves {served}, and not {}", file.path().display());
        Found::Another(Failure::Wrong(format!("{problem}: is that one running? To ask this one write --admin {place}")))
    }

    /// What whoever finds nobody reads beside that.
    fn with_hint(&self, client: Client) -> Client {
        if self.admin.is_some() {
            return client;
        }
        client.saying_where_else(match self.says_where() {
            true => ADMIN_CHANGED.into(),
            false => self.usual().elsewhere(),
        })
    }

    /// Whether the file says where its process is asked.
    fn says_where(&self) -> bool {
        self.configured().is_ok_and(|settings| settings.location.0.position.is_some())
    }

    /// Whether an address was named beside the file.
    pub(super) fn names_address(&self) -> bool {
        self.admin.is_some()
    }

    /// Whether a file is named that does not say where its process is asked.
    fn names_no_place(&self) -> bool {
        let is_usual = |settings: AdminListenerSettings| settings.location.0.position.is_none();
        self.admin.is_none() && self.config.is_some() && self.configured().is_ok_and(is_usual)
    }

    fn client_of_any_file(&self) -> Result<Client, Failure> {
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
        let client = self.with_hint(Client::new(settings.listen));
        Ok(match named.or(settings.token) {
            Some(file) => client.showing(read_operator_token(&file).map_err(|it| Failure::Wrong(it.to_string()))?),
            None => client,
        })
    }

    /// Where the configuration says, or else whoever listens at a usual place.
    fn configured(&self) -> Result<AdminListenerSettings, Problems> {
        self.file().admin(&self.usual())
    }

    fn usual(&self) -> UsualSocket {
        let file = self.file();
        // Whoever names none may stand where it is.
        let here = self.config.is_none().then_some(Path::new("windlass.toml"));
        let files: Vec<_> = [file.path()].into_iter().chain(here).collect();
        UsualSocket::of(self.runtime_directory.as_deref().map(Path::new), &files)
    }

    fn file(&self) -> ConfigFile {
        ConfigFile::new(self.config.clone())
    }
}
