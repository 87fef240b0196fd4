//! What can be asked for.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand};
use tokio::runtime::Builder;

use super::ask::Ask;
use super::failure::Failure;
use super::file::ConfigFile;
use super::import::{ImportArguments, import};
use super::log_level::{LogLevelArguments, log_level};
use super::operate::{self, CloseArguments, DrainArguments, PlanArguments, UndrainArguments};
use super::output::{FAILED, WRONG, complain, complain_briefly, say};
use super::packaging::{self, CompletionsArguments, ManArguments};
use super::placement::{self, WhereArguments};
use super::starter::{InitArguments, StarterFlags, init};
use super::tap::{TapArguments, tap};
use super::top::{TopArguments, top};
use super::tunnels::{self, TunnelsArguments};
use crate::app::{self, ConfigSource, Environment, Loaded, LogError, RunError, StartError};

/// The arguments of the process.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, about, long_about = None, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a configuration file (this is also what happens without a command), or what a few flags say
    #[command(aliases = ["serve", "start"])]
    Run(ServeArguments),
    /// Write a first configuration file, from a few flags or questions
    Init(InitArguments),
    /// Say whether a configuration file could be served, and everything that is wrong with it
    Check(FileArguments),
    /// Write another proxy's configuration as one of windlass
    Import(ImportArguments),
    /// Show what windlass does: a small chat behind it, no file and no root needed
    Demo(DemoArguments),
    /// Show what the running process serves: tunnels, endpoints, drains
    Status(Ask),
    /// Say by the exit code whether the running process welcomes new sessions: 0 if it does, 1 if not
    Ready(Ask),
    /// Have the running process read its configuration again, and say what came of it
    Reload(Ask),
    /// Say what a reload with a file would do to the running process, and which tunnels it would close
    #[command(mut_arg("config", |config| config.help(PLANNED)))]
    Plan(PlanArguments),
    /// End tunnels of the running process, paced and politely; an endpoint takes no new ones from then on
    Drain(DrainArguments),
    /// Start the program anew, have it take over everything that listens, and drain the running process
    Handoff(Ask),
    /// Let a drained endpoint take tunnels again; those that were not told yet stay
    Undrain(UndrainArguments),
    /// Show which lines the running process writes to its log, or set that, for a while
    LogLevel(LogLevelArguments),
    /// Say which endpoint a WebSocket like this would be placed on now, and by what
    Where(WhereArguments),
    /// List open tunnels, or show everything that is known of one
    Tunnels(TunnelsArguments),
    /// Watch what is open, live, in a terminal: endpoints, tunnels, rates, endings; drain and close from there
    Top(TopArguments),
    /// Show the messages of one tunnel as they pass, for a while; admin.tap says how much of them
    Tap(TapArguments),
    /// End one tunnel at once, or those of somebody whose permission is taken back; take it back at the issuer first
    Close(CloseArguments),
    /// Write what completes this command line in a shell
    #[command(hide = true)]
    Completions(CompletionsArguments),
    /// Write the man pages
    #[command(hide = true)]
    Man(ManArguments),
}

#[derive(Debug, Args)]
struct RunArguments {
    /// The configuration file [default: /etc/windlass/windlass.toml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The same, and the file may stand alone: there is no command that it could be taken for.
#[derive(Debug, Args)]
struct FileArguments {
    #[command(flatten)]
    run: RunArguments,
    /// The configuration file, as with --config
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArguments {
    #[command(flatten)]
    file: FileArguments,
    #[command(flatten, next_help_heading = "Without a file")]
    starter: StarterFlags,
}

impl From<FileArguments> for RunArguments {
    fn from(arguments: FileArguments) -> Self {
        let FileArguments { run, file } = arguments;
        Self { config: file.or(run.config) }
    }
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// The port for http:// and ws://; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    plain_port: u16,
    /// The port for https:// and wss://; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    secure_port: u16,
}

/// What `-c` is to `plan`; to the other commands that ask it is only what says where.
const PLANNED: &str = "The file that a reload would read; its [admin] says where to ask, unless --admin is given \
                       [default: /etc/windlass/windlass.toml]";

const EXAMPLES: &str = "\
Examples:
  windlass demo                          see it work, with a page to open
  windlass init                          write a first configuration
  windlass run --endpoint 127.0.0.1:3000 --cert chat.pem
                                         serve without one
  windlass check -c windlass.toml        look at a configuration before it is used
  windlass run -c windlass.toml          serve it
  windlass import nginx nginx.conf       write what nginx has as a configuration
  windlass plan -c new.toml              see what a reload with it would do
  windlass ready                         for health checks: exits 0 while it serves newcomers
  windlass reload                        read the file again; open WebSockets stay
  windlass drain endpoint/chat/b         move everybody away from one endpoint
  windlass undrain chat/b                take it back
  windlass where --header x-user=ada     see which endpoint a user is placed on
  windlass tunnels --sort rate           see which WebSockets are busiest, and who has them
  windlass top                           watch all of it live, and steer it
  windlass tap 4711 --for 1min           see what one of them carries
  windlass close 4711                    end one of them, at once
  windlass close --claim sub=ada         end every WebSocket of a user
  windlass log-level debug --for 10min   write more for a while
  kill -USR2 $(pidof windlass)           hand over to the program that is installed now

Exit codes:
  0  all is well   1  a failure at run time   2  a wrong command line or configuration
  3  `plan`: tunnels would be closed; `import`: something has to be looked at";

impl Cli {
    /// Reads the command line of this process; where it makes no sense, the process ends with why.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| with_tip(error).exit())
    }

    /// Does what was asked for.
    pub fn run(self, environment: Environment) -> ExitCode {
        let without = || {
            let file = FileArguments { run: self.run, file: None };
            Command::Run(ServeArguments { file, starter: StarterFlags::default() })
        };
        match self.command.unwrap_or_else(without) {
            Command::Run(arguments) => serve(arguments, environment),
            Command::Init(arguments) => init(arguments),
            Command::Demo(DemoArguments { plain_port, secure_port }) => {
                finish(block_on(app::run_demo(plain_port, secure_port, environment)).flatten())
            }
            Command::Check(arguments) => check(arguments.into()),
            Command::Import(arguments) => import(arguments),
            Command::Status(ask) => ask_for(operate::status(ask)),
            Command::Ready(ask) => ask_for(operate::ready(ask)),
            Command::Reload(ask) => ask_for(operate::reload(ask, environment.main_pid)),
            Command::Plan(arguments) => ask_for(operate::plan(arguments)),
            Command::Drain(arguments) => ask_for(operate::drain(arguments)),
            Command::Handoff(ask) => ask_for(operate::handoff(ask)),
            Command::Undrain(arguments) => ask_for(operate::undrain(arguments)),
            Command::LogLevel(arguments) => ask_for(log_level(arguments)),
            Command::Where(arguments) => ask_for(placement::place(arguments)),
            Command::Completions(arguments) => packaging::completions(arguments, Self::command()),
            Command::Man(arguments) => packaging::man(arguments, Self::command()),
            Command::Tunnels(arguments) => ask_for(tunnels::tunnels(arguments)),
            Command::Top(arguments) => ask_for(top(arguments, environment.terminal)),
            Command::Tap(arguments) => ask_for(tap(arguments)),
            Command::Close(arguments) => ask_for(operate::close(arguments)),
        }
    }
}

fn with_tip(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(tip) = tip_for(word)
    {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// What somebody most likely wants who writes `word` where a command stands.
fn tip_for(word: &str) -> Option<String> {
    if word == "haproxy" {
        return Some(
            "docs/from-haproxy.md has whole configurations of HAProxy beside ours; only nginx's are imported".into(),
        );
    }
    let is_file = word.ends_with(".toml") || word.contains('/');
    is_file.then(|| format!("`windlass run {word}` serves a file, and `windlass check {word}` looks at it"))
}

fn ask_for(command: impl Future<Output = Result<ExitCode, Failure>>) -> ExitCode {
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command).unwrap_or_else(Failure::finish),
        Err(error) => Failure::Failed(error.to_string()).finish(),
    }
}

/// Leads a life to its end.
///
/// # Errors
/// The system refuses what it needs.
fn block_on<T>(life: impl Future<Output = T>) -> Result<T, RunError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RunError::Start(StartError::from(error)))?;
    let ended = runtime.block_on(life);
    // A thread that waits for a file on a mount that hangs is not waited for.
    runtime.shutdown_background();
    Ok(ended)
}

fn finish(result: Result<(), RunError>) -> ExitCode {
    result.map_or_else(|error| fail(error.to_string(), &error), |()| ExitCode::SUCCESS)
}

fn fail(complaint: String, error: &RunError) -> ExitCode {
    complain_briefly(complaint);
    ExitCode::from(match error {
        // The configuration is right, and the folder may come yet.
        RunError::Log(LogError::Place(_)) => FAILED,
        RunError::Config(_) | RunError::Log(_) | RunError::Start(StartError::Config(_)) => WRONG,
        RunError::Start(_) | RunError::Demo(_) | RunError::Signals(_) => FAILED,
    })
}

/// Serves what the flags say, or else the file.
fn serve(ServeArguments { file, starter }: ServeArguments, environment: Environment) -> ExitCode {
    let file = RunArguments::from(file);
    if !starter.are_given() {
        return run(file, environment);
    }
    if let Some(file) = file.config {
        let problem = format!("{} says what is served, and so do the flags: leave one of them out", file.display());
        return Failure::Wrong(problem).finish();
    }
    match starter.text() {
        Ok(text) => match block_on(app::run(ConfigSource::Text(text.into()), environment)) {
            Ok(Err(failed)) => fail(failed.to_string(), &failed.error),
            ended => finish(ended.map(|_| ())),
        },
        Err(failure) => failure.finish(),
    }
}

fn run(arguments: RunArguments, environment: Environment) -> ExitCode {
    let file = ConfigFile::new(arguments.config);
    let explained = |error| match error {
        RunError::Config(problems) => RunError::Config(file.explain(problems)),
        error => error,
    };
    match block_on(app::run(ConfigSource::File(file.path().to_owned()), environment)) {
        Ok(Err(failed)) => {
            let failed = failed.map(explained);
            fail(failed.to_string(), &failed.error)
        }
        ended => finish(ended.map(|_| ())),
    }
}

fn check(arguments: RunArguments) -> ExitCode {
    let file = ConfigFile::new(arguments.config);
    let loaded = Loaded::read_file(file.path()).and_then(|loaded| loaded.check_sources().map(|()| loaded));
    let checked = loaded.map_err(|problems| file.explain(problems).to_string());
    let checked = checked.and_then(|loaded| match loaded.check_log() {
        Ok(odd) => Ok((loaded, odd)),
        Err(error) => Err(error.to_string()),
    });
    match checked {
        Ok((loaded, odd)) => {
            if !loaded.warnings().is_empty() {
                complain(&format!("{}\n", loaded.warnings()));
            }
            odd.iter().for_each(|odd| complain(&format!("warning: {odd}")));
            say(&format!("{}: {loaded}", file.path().display()));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::from(WRONG)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_a_file_and_no_command_reads_which_one_serves_it() {
        let said = |word: &str| with_tip(Cli::try_parse_from(["windlass", word]).unwrap_err()).to_string();
        assert!(
            said("windlass.toml").contains("tip: `windlass run windlass.toml` serves a file"),
            "{}",
            said("windlass.toml")
        );
        assert!(said("strat").contains("'status'") && !said("strat").contains("windlass run"), "{}", said("strat"));
    }

    #[test]
    fn who_would_import_from_haproxy_reads_where_its_counterparts_are() {
        let said = with_tip(Cli::try_parse_from(["windlass", "import", "haproxy", "a.cfg"]).unwrap_err()).to_string();
        assert!(said.contains("tip: docs/from-haproxy.md has whole configurations"), "{said}");
    }
}
