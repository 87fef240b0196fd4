//! `windlass init`: a first configuration, written to a file.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use clap::Args;
use time::OffsetDateTime;

use super::flags::StarterFlags;
use super::questions::{CertificateAnswer, Questions};
use super::self_signed::self_signed;
use super::starter::{Comments, Starter, StarterCertificate};
use crate::app::Loaded;
use crate::cli::failure::Failure;
use crate::cli::output::{complain, say};

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArguments {
    #[command(flatten)]
    flags: StarterFlags,
    /// Make a certificate to try with: self-signed, for a month
    #[arg(long, conflicts_with_all = ["cert", "acme"])]
    self_signed: bool,
    /// Have a certificate of Let's Encrypt ordered, and renewed; you agree to its terms by this
    #[arg(long, value_name = "E-MAIL", conflicts_with = "cert", requires = "hosts")]
    acme: Option<String>,
    /// The file that is written; what is there already stays, unless --force is
    #[arg(short, long, value_name = "FILE", default_value = "windlass.toml")]
    output: PathBuf,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

/// Where the unit serves from: what is ordered is kept by the system's rules there.
const FOLDER_OF_SERVICE: &str = "/etc/windlass";

pub(in crate::cli) fn init(arguments: InitArguments) -> ExitCode {
    write_first(arguments).unwrap_or_else(Failure::finish)
}

fn write_first(arguments: InitArguments) -> Result<ExitCode, Failure> {
    let InitArguments { mut flags, self_signed, acme, output, force } = arguments;
    if !force && output.exists() {
        let there = output.display();
        return Err(Failure::Wrong(format!(
            "{there} is there already: write --output OTHER, or --force to have it replaced"
        )));
    }
    let mut wanted = match (acme, self_signed) {
        (Some(contact), _) => CertificateAnswer::Ordered { contact },
        (None, true) => CertificateAnswer::SelfSigned,
        (None, false) => CertificateAnswer::None,
    };
    if flags.endpoints.is_empty() && io::stdin().is_terminal() && io::stdout().is_terminal() {
        ask(&mut flags, &mut wanted).map_err(|error| Failure::Failed(error.to_string()))?;
    }
    let certificate = certificate(&flags, wanted, &output)?;
    let starter = flags.starter(certificate)?;
    write(&output, &starter, force).map_err(|error| Failure::Failed(format!("{}: {error}", output.display())))?;
    let loaded = Loaded::read_file(&output).map_err(|problems| {
        Failure::Wrong(format!("{} is written, and cannot be served yet:\n{problems}", output.display()))
    })?;
    if !loaded.warnings().is_empty() {
        complain(&format!("{}\n", loaded.warnings()));
    }
    say(&next_steps(&output, &starter));
    Ok(ExitCode::SUCCESS)
}

/// Asks for what no flag has said.
fn ask(flags: &mut StarterFlags, wanted: &mut CertificateAnswer) -> io::Result<()> {
    let mut questions = Questions { answers: io::stdin().lock(), shown: io::stdout().lock() };
    flags.endpoints = questions.endpoints()?;
    if flags.hosts.is_empty() {
        flags.hosts = questions.hosts()?;
    }
    if flags.cert.is_none() && *wanted == CertificateAnswer::None {
        match questions.certificate()? {
            CertificateAnswer::File(file) => flags.cert = Some(file.into()),
            other => *wanted = other,
        }
    }
    Ok(())
}

/// The certificate, as the file in `output` is to name it; one to try with is made.
fn certificate(flags: &StarterFlags, wanted: CertificateAnswer, output: &Path) -> Result<StarterCertificate, Failure> {
    let folder = output.parent().unwrap_or(Path::new(""));
    match wanted {
        CertificateAnswer::None | CertificateAnswer::File(_) => Ok(match flags.certificate()? {
            // Paths in the file start at its folder, and those of a command line where that is given.
            StarterCertificate::Files { chain, key } if folder != Path::new("") => {
                StarterCertificate::Files { chain: from_the_root(chain), key: from_the_root(key) }
            }
            other => other,
        }),
        CertificateAnswer::Ordered { .. } if flags.hosts.is_empty() => {
            Err(Failure::Wrong("a certificate is ordered for a name: write --host chat.example.com".into()))
        }
        CertificateAnswer::Ordered { contact } => {
            let storage =
                (absolute(folder).ok().as_deref() != Some(Path::new(FOLDER_OF_SERVICE))).then(|| "acme".into());
            Ok(StarterCertificate::Ordered { contact, storage })
        }
        CertificateAnswer::SelfSigned => {
            let (chain, key) = (PathBuf::from("self-signed.pem"), PathBuf::from("self-signed.key"));
            let names = flags.hosts.iter().cloned().chain(["localhost", "127.0.0.1", "::1"].map(String::from));
            let made = self_signed(names.collect(), OffsetDateTime::now_utc());
            let made = made.map_err(|error| Failure::Failed(format!("no certificate could be made: {error}")))?;
            made.write(&folder.join(&chain), &folder.join(&key)).map_err(|error| Failure::Failed(error.to_string()))?;
            Ok(StarterCertificate::Files { chain, key })
        }
    }
}

fn from_the_root(path: PathBuf) -> PathBuf {
    absolute(&path).unwrap_or(path)
}

fn write(output: &Path, starter: &Starter, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    options.write(true).open(output)?.write_all(starter.text(Comments::Some).as_bytes())
}

/// What somebody does now.
fn next_steps(output: &Path, starter: &Starter) -> String {
    let file = output.display();
    format!(
        "{file} is written: {}, and its WebSockets, go to {}\n\n  \
         windlass run -c {file}        serves it\n  \
         windlass status -c {file}     says what is open, from another terminal\n  \
         windlass reload -c {file}     takes what you change in it; nobody who is connected notices\n",
        starter.url("localhost"),
        starter.endpoints.join(" and ")
    )
}
