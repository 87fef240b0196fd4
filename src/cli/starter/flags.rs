//! The words of a beginning on the command line.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::key_file::key_of;
use super::text::{Comments, Starter, StarterCertificate};
use super::try_certificate::{CHAIN, IfThere, KEY, Tried, how_tried, to_try_with, try_certificate};
use crate::cli::failure::Failure;
use crate::cli::output::complain;
use crate::config::{EndpointRole, SyntaxError, parse_endpoint, parse_host_pattern};
use crate::net;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct StarterFlags {
    /// Where your application listens, such as 127.0.0.1:3000 or unix:/run/app.sock; may stand several times
    #[arg(long = "endpoint", value_name = "ADDRESS", value_parser = endpoint)]
    pub(super) endpoints: Vec<String>,
    /// Where clients come in: 127.0.0.1:8443, or :8443 for every address of this machine, of IPv4 and, where it has that, of IPv6
    /// [default: :8443 with a certificate, :8080 without]
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    pub(super) listen: Option<SocketAddr>,
    /// A name that clients ask for; may stand several times [default: every name]
    #[arg(long = "host", value_name = "NAME", value_parser = host)]
    pub(super) hosts: Vec<String>,
    /// The certificate, and those of its issuers: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// Its key [default: the file beside it that is called so]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Make a certificate to try with, self-signed, for a month: two files, self-signed.pem and self-signed.key, that are used again
    #[arg(long, conflicts_with = "cert")]
    pub(super) self_signed: bool,
}

impl StarterFlags {
    /// Whether any of them is there.
    pub(in crate::cli) fn are_given(&self) -> bool {
        let Self { endpoints, listen, hosts, cert, key, self_signed } = self;
        let is_file_given = cert.is_some() || key.is_some();
        !endpoints.is_empty() || listen.is_some() || !hosts.is_empty() || is_file_given || *self_signed
    }

    /// The configuration that they stand for, where there is no file.
    ///
    /// # Errors
    /// Something that is needed is not among them.
    pub(in crate::cli) fn text(self) -> Result<String, Failure> {
        if !self.self_signed {
            let certificate = self.certificate()?;
            return Ok(self.starter(certificate)?.text(Comments::None));
        }
        let starter = self.starter(to_try_with())?;
        // Here, where a successor that is started the same way finds it.
        if try_certificate(&starter, Path::new(""), IfThere::Keep)? == Tried::Made {
            complain(&format!("{CHAIN} and {KEY} are made, in this folder: {}", how_tried(&starter)));
        }
        Ok(starter.text(Comments::None))
    }

    /// The certificate that they name, if they name one.
    pub(super) fn certificate(&self) -> Result<StarterCertificate, Failure> {
        let Some(chain) = self.cert.clone() else { return Ok(StarterCertificate::None) };
        if let Err(error) = fs::metadata(&chain) {
            return Err(Failure::Wrong(format!(
                "--cert {}: {error}; name the file that has the certificate",
                chain.display()
            )));
        }
        let key = self.key.clone().or_else(|| key_of(&chain)).ok_or_else(|| no_key(&chain))?;
        Ok(StarterCertificate::Files { chain, key })
    }

    /// What they mean, with this certificate.
    pub(super) fn starter(self, certificate: StarterCertificate) -> Result<Starter, Failure> {
        let Self { endpoints, listen, hosts, .. } = self;
        if endpoints.is_empty() {
            return Err(Failure::Wrong("where does your application listen? write --endpoint 127.0.0.1:3000".into()));
        }
        if let Some(secure) =
            endpoints.iter().find(|it| ["https://", "wss://"].iter().any(|scheme| it.starts_with(scheme)))
        {
            return Err(Failure::Wrong(format!(
                "--endpoint {secure}: no flag says that an endpoint speaks TLS: write --endpoint HOST:PORT for `windlass init`, and then \
                 tls = true in [upstream.app] of the file"
            )));
        }
        let port = match &certificate {
            StarterCertificate::None => 8080,
            StarterCertificate::Files { .. } => 8443,
            // The issuer looks there.
            StarterCertificate::Ordered { .. } => 443,
        };
        Ok(Starter { listen: listen.unwrap_or_else(|| everywhere(port)), certificate, hosts, endpoints })
    }
}

fn no_key(chain: &Path) -> Failure {
    let chain = chain.display();
    Failure::Wrong(format!("no key is found beside {chain}, nor in it: write --key FILE"))
}

fn everywhere(port: u16) -> SocketAddr {
    (net::everywhere(), port).into()
}

/// Checks an endpoint by the rules of the configuration.
pub(super) fn endpoint(text: &str) -> Result<String, SyntaxError> {
    parse_endpoint(text, None, None, EndpointRole::Ready).map(|_| text.to_owned())
}

pub(super) fn host(text: &str) -> Result<String, SyntaxError> {
    parse_host_pattern(text).map(|_| text.to_owned())
}

/// An address with a port, or a port alone.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")).unwrap_or(text);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = text.rsplit_once(':').map_or(text, |(_, port)| port);
    match (text.parse(), port.parse()) {
        (Ok(address), _) => Ok(address),
        (Err(_), Ok(port)) => Ok(everywhere(port)),
        (Err(_), Err(_)) if is_number(digits) && digits.parse::<u16>().is_err() => {
            Err(format!("there is no port {digits}: write one from 1 to 65535, as in :8443"))
        }
        (Err(_), Err(_)) => Err("write :8443, 127.0.0.1:8443 or [::]:8443".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(endpoints: &[&str]) -> StarterFlags {
        StarterFlags { endpoints: endpoints.iter().map(|it| (*it).to_owned()).collect(), ..StarterFlags::default() }
    }

    #[test]
    fn a_port_alone_is_one_everywhere() {
        for text in [":8443", "*:8443", "8443"] {
            assert_eq!(listen(text), Ok((net::everywhere(), 8443).into()), "{text}");
        }
        assert_eq!(listen("0.0.0.0:8443"), Ok("0.0.0.0:8443".parse().unwrap()));
        assert_eq!(listen("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        for text in ["localhost:80", "", "10.0.0.1"] {
            assert_eq!(listen(text), Err("write :8443, 127.0.0.1:8443 or [::]:8443".into()), "{text}");
        }
        for text in [":99999", "99999", "127.0.0.1:99999", "[::]:99999"] {
            assert_eq!(
                listen(text),
                Err("there is no port 99999: write one from 1 to 65535, as in :8443".into()),
                "{text}"
            );
        }
    }

    #[test]
    fn where_clients_come_in_depends_on_the_certificate_unless_somebody_says() {
        let port = |certificate| flags(&["a:1"]).starter(certificate).unwrap().listen.port();
        let files = StarterCertificate::Files { chain: "a".into(), key: "b".into() };
        let ordered = StarterCertificate::Ordered { contact: "a@b".into(), storage: None };
        assert_eq!([port(StarterCertificate::None), port(files), port(ordered)], [8080, 8443, 443]);
        let said = StarterFlags { listen: Some("[::]:9".parse().unwrap()), ..flags(&["a:1"]) };
        assert_eq!(said.starter(StarterCertificate::None).unwrap().listen, "[::]:9".parse().unwrap());
    }

    #[test]
    fn what_is_missing_is_asked_for_by_its_flag() {
        let complaint = |flags: StarterFlags| match flags.text() {
            Err(Failure::Wrong(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(complaint(flags(&[])).contains("--endpoint"));
        let without_file = StarterFlags { cert: Some("/nowhere/site.pem".into()), ..flags(&["a:1"]) };
        assert!(complaint(without_file).contains("--cert /nowhere/site.pem: No such file"));
        assert!(complaint(flags(&["https://api.example.com"])).contains("tls = true in [upstream.app] of the file"));
        let folder = tempfile::tempdir().unwrap();
        let chain = folder.path().join("site.pem");
        fs::write(&chain, "").unwrap();
        let without_key = StarterFlags { cert: Some(chain), ..flags(&["a:1"]) };
        assert!(complaint(without_key).contains("site.pem, nor in it: write --key"));
        assert!(!flags(&[]).are_given() && flags(&["a:1"]).are_given());
    }
}
