//! The two files of a certificate to try with: made once, and used again.

use std::fs;
use std::path::Path;

use time::OffsetDateTime;

use super::self_signed::self_signed;
use super::text::{Starter, StarterCertificate};
use crate::cli::failure::Failure;
use crate::tls::dns_names_in;

/// The certificate, and its key.
pub(super) const CHAIN: &str = "self-signed.pem";
pub(super) const KEY: &str = "self-signed.key";

/// What becomes of files that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfThere {
    Keep,
    Replace,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It was made.
    Made,
    /// It was there.
    Found,
}

/// The certificate, as a configuration in its folder names it.
pub(super) fn to_try_with() -> StarterCertificate {
    StarterCertificate::Files { chain: CHAIN.into(), key: KEY.into() }
}

/// Makes the certificate to try with in that folder, or takes the one that was made before.
pub(super) fn try_certificate(starter: &Starter, folder: &Path, if_there: IfThere) -> Result<Tried, Failure> {
    let [chain, key] = [CHAIN, KEY].map(|name| folder.join(name));
    if if_there == IfThere::Keep {
        let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
        match (is_there(&chain), is_there(&key)) {
            (true, true) => return is_for(&chain, &starter.hosts).map(|()| Tried::Found),
            (false, false) => {}
            (is_chain, _) => {
                let there = if is_chain { &chain } else { &key };
                let problem = format!("{} is there, and its other half is not", there.display());
                return Err(Failure::Wrong(format!(
                    "{problem}: take it away; `windlass init --force` makes both anew"
                )));
            }
        }
    }
    let made = self_signed(starter.certified_names(), OffsetDateTime::now_utc());
    let made = made.map_err(|error| Failure::Failed(format!("no certificate could be made: {error}")))?;
    made.write(&chain, &key).map_err(|error| {
        let instead =
            "they are written to that folder: choose one where you may write, or name a certificate by --cert";
        Failure::Failed(format!("{CHAIN} and {KEY} cannot be made: {error}; {instead}"))
    })?;
    Ok(Tried::Made)
}

/// Fails where the certificate in `chain` is for other names than `hosts`: clients would not take it for these.
fn is_for(chain: &Path, hosts: &[String]) -> Result<(), Failure> {
    let names = dns_names_in(chain).map_err(|error| Failure::Wrong(error.to_string()))?;
    let Some(host) = hosts.iter().find(|host| !names.contains(&host.to_ascii_lowercase())) else { return Ok(()) };
    Err(Failure::Wrong(format!(
        "{} is there, and is not for {host}, only for {}: take it and {KEY} away, and write this again, or `windlass init --force`",
        chain.display(),
        names.join(", ")
    )))
}

/// How it is tried, since nobody has signed it.
pub(super) fn how_tried(starter: &Starter) -> String {
    format!("for a month, and signed by nobody: browsers warn of them.\n  curl --cacert {CHAIN} {}/", starter.url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_certificate_can_be_written_it_is_said_what_to_do_instead() {
        let starter = Starter {
            listen: "127.0.0.1:8443".parse().unwrap(),
            certificate: to_try_with(),
            hosts: Vec::new(),
            endpoints: vec!["127.0.0.1:3000".into()],
        };
        let nowhere = Path::new("/proc/self");
        let Err(Failure::Failed(said)) = try_certificate(&starter, nowhere, IfThere::Keep) else {
            panic!("it is made")
        };
        assert!(
            said.contains("self-signed.key") && said.contains("where you may write, or name a certificate"),
            "{said}"
        );
    }
}
