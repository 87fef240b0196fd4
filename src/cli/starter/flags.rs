//! The words of a beginning on the command line.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::key_file::key_of;
use super::text::{Comments, Starter, StarterCertificate};
use crate::cli::failure::Failure;
use crate::config::{EndpointRole, SyntaxError, parse_endpoint, parse_host_pattern};

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct StarterFlags {
    /// Where your application listens, such as 127.0.0.1:3000 or unix:/run/app.sock; may stand several times
    #[arg(long = "endpoint", value_name = "ADDRESS", value_parser = endpoint)]
    pub(super) endpoints: Vec<String>,
    /// Where clients come in, such as :8443 or 127.0.0.1:8443 [default: :8443 with a certificate, :8080 without]
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
}

impl StarterFlags {
    /// Whether any of them is there.
    pub(in crate::cli) fn are_given(&self) -> bool {
        let Self { endpoints, listen, hosts, cert, key } = self;
        !endpoints.is_empty() || listen.is_some() || !hosts.is_empty() || cert.is_some() || key.is_some()
    }

    /// The configuration that they stand for, where there is no file.
    ///
    /// # Errors
    /// Something that is needed is not among them.
    pub(in crate::cli) fn text(self) -> Result<String, Failure> {
        let certificate = self.certificate()?;
        Ok(self.starter(certificate)?.text(Comments::None))
    }

    /// The certificate that they name, if they name one.
    pub(super) fn certificate(&self) -> Result<StarterCertificate, Failure> {
        let Some(chain) = self.cert.clone() else { return Ok(StarterCertificate::None) };
        if let Err(error) = fs::metadata(&chain) {
            return Err(Failure::Wrong(format!("{}: {error}", chain.display())));
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
    SocketAddr::from(([0, 0, 0, 0], port))
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
    match (text.parse(), port.parse()) {
        (Ok(address), _) => Ok(address),
        (Err(_), Ok(port)) => Ok(everywhere(port)),
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
        for text in [":8443", "*:8443", "8443", "0.0.0.0:8443"] {
            assert_eq!(listen(text), Ok("0.0.0.0:8443".parse().unwrap()), "{text}");
        }
        assert_eq!(listen("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        for text in ["localhost:80", ":99999", "", "10.0.0.1"] {
            assert!(listen(text).is_err(), "{text}");
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
        assert!(complaint(without_file).contains("/nowhere/site.pem: No such file"));
        let folder = tempfile::tempdir().unwrap();
        let chain = folder.path().join("site.pem");
        fs::write(&chain, "").unwrap();
        let without_key = StarterFlags { cert: Some(chain), ..flags(&["a:1"]) };
        assert!(complaint(without_key).contains("site.pem, nor in it: write --key"));
        assert!(!flags(&[]).are_given() && flags(&["a:1"]).are_given());
    }
}
