//! `windlass init`: a first configuration, written to a file.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use clap::Args;

use super::flags::StarterFlags;
use super::questions::{CertificateAnswer, Questions};
use super::text::{Comments, Starter, StarterCertificate};
use super::try_certificate::{CHAIN, IfThere, KEY, Tried, how_tried, to_try_with, try_certificate};
use crate::app::Loaded;
use crate::cli::failure::Failure;
use crate::cli::output::{complain, say};

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArguments {
    #[command(flatten)]
    flags: StarterFlags,
    /// Have a certificate of Let's Encrypt ordered, and renewed; you agree to its terms by this
    #[arg(long, value_name = "E-MAIL", conflicts_with_all = ["cert", "self_signed"], requires = "hosts")]
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
    let InitArguments { mut flags, acme, output, force } = arguments;
    let place = Place { file: output, if_there: if force { IfThere::Replace } else { IfThere::Keep } };
    if place.if_there == IfThere::Keep && fs::symlink_metadata(&place.file).is_ok() {
        let there = place.file.display();
        let instead = "write --output OTHER, or --force to have it replaced";
        return Err(Failure::Wrong(format!("{there} is there already: {instead}")));
    }
    let mut wanted = match (acme, flags.self_signed) {
        (Some(contact), _) => CertificateAnswer::Ordered { contact: mail_address(&contact)? },
        (None, true) => CertificateAnswer::SelfSigned,
        (None, false) => CertificateAnswer::None,
    };
    if flags.endpoints.is_empty() && io::stdin().is_terminal() && io::stdout().is_terminal() {
        ask(&mut flags, &mut wanted).map_err(|error| Failure::Failed(error.to_string()))?;
    }
    let is_new = wanted == CertificateAnswer::SelfSigned;
    let certificate = certificate(&flags, wanted, &place)?;
    let starter = flags.starter(certificate)?;
    // Nothing is wrong with what is wanted: from here on files are made.
    if is_new && try_certificate(&starter, place.folder(), place.if_there)? == Tried::Found {
        complain(&format!("{CHAIN} and {KEY} were there, and are used as they are\n"));
    }
    place.write(&starter).map_err(|error| {
        Failure::Failed(format!("{} cannot be written: {error}; --output names another file", place.file.display()))
    })?;
    let loaded = Loaded::read_file(&place.file).map_err(|problems| {
        Failure::Wrong(format!("{} is written, and cannot be served yet:\n{problems}", place.file.display()))
    })?;
    if !loaded.warnings().is_empty() {
        complain(&format!("{}\n", loaded.warnings()));
    }
    say(&next_steps(&place.file, &starter));
    Ok(ExitCode::SUCCESS)
}

/// Of `contact`, with or without its scheme.
fn mail_address(contact: &str) -> Result<String, Failure> {
    let address = contact.strip_prefix("mailto:").unwrap_or(contact);
    match address.split_once('@') {
        Some((user, host)) if !user.is_empty() && host.contains('.') => Ok(address.to_owned()),
        _ => Err(Failure::Wrong(format!("--acme {contact}: that is no e-mail address: write --acme ops@example.com"))),
    }
}

/// The file that is written.
struct Place {
    file: PathBuf,
    if_there: IfThere,
}

impl Place {
    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    fn write(&self, starter: &Starter) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = match self.if_there {
            IfThere::Keep => options.create_new(true),
            IfThere::Replace => options.create(true).truncate(true),
        };
        options.write(true).open(&self.file)?.write_all(starter.text(Comments::Some).as_bytes())
    }
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

/// The certificate, as the file is to name it.
fn certificate(flags: &StarterFlags, wanted: CertificateAnswer, place: &Place) -> Result<StarterCertificate, Failure> {
    match wanted {
        CertificateAnswer::None | CertificateAnswer::File(_) => Ok(match flags.certificate()? {
            // Paths in the file start at its folder, and those of a command line where that is given.
            StarterCertificate::Files { chain, key } if place.folder() != Path::new("") => {
                StarterCertificate::Files { chain: from_the_root(chain), key: from_the_root(key) }
            }
            other => other,
        }),
        CertificateAnswer::Ordered { .. } if flags.hosts.is_empty() => {
            Err(Failure::Wrong("a certificate is ordered for a name: write --host chat.example.com".into()))
        }
        CertificateAnswer::Ordered { contact } => {
            let is_of_service = absolute(place.folder()).ok().as_deref() == Some(Path::new(FOLDER_OF_SERVICE));
            Ok(StarterCertificate::Ordered { contact, storage: (!is_of_service).then(|| "acme".into()) })
        }
        CertificateAnswer::SelfSigned => Ok(to_try_with()),
    }
}

fn from_the_root(path: PathBuf) -> PathBuf {
    absolute(&path).unwrap_or(path)
}

/// What somebody does now.
fn next_steps(output: &Path, starter: &Starter) -> String {
    let file = shell_word(&output.to_string_lossy());
    format!(
        "{file} is written: {}, and its WebSockets, go to {}{}\n\n  \
         windlass run -c {file}        serves it\n  \
         windlass status -c {file}     says what is open, from another terminal\n  \
         windlass plan   -c {file}     says whom a change of it would close\n  \
         windlass reload -c {file}     takes the change, and closes nobody else\n{}",
        starter.url(),
        starter.endpoints.join(" and "),
        if starter.listen.ip().is_unspecified() { "; every address of this machine is listened at" } else { "" },
        tried(starter)
    )
}

/// How a certificate is tried with that nobody has signed.
fn tried(starter: &Starter) -> String {
    match &starter.certificate {
        StarterCertificate::Files { chain, .. } if chain == Path::new(CHAIN) => {
            format!("\n{CHAIN} and {KEY} are {}\n", how_tried(starter))
        }
        _ => String::new(),
    }
}

/// The text as a shell takes it for one word.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_an_address_for_mail() {
        assert_eq!(mail_address("mailto:ops@example.com").unwrap(), "ops@example.com");
        assert_eq!(mail_address("ops@example.com").unwrap(), "ops@example.com");
        for wrong in ["foo", "mailto:foo", "@example.com", "ops@localhost"] {
            assert!(mail_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_one_word_of_a_shell() {
        assert_eq!(shell_word("/etc/windlass/windlass.toml"), "/etc/windlass/windlass.toml");
        assert_eq!(shell_word("my site's.toml"), r"'my site'\''s.toml'");
    }
}
