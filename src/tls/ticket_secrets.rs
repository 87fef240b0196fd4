//! The secrets that the session tickets of a fleet are sealed with, from their file: whoever reads the same opens what the others
//! sealed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::fault::{CertificateError, CertificateFault};
use super::ticket_secret_fault::TicketSecretFault;
use crate::config::{NamedFile, mode_open_to_others, read_file};

/// The secrets of a file, at least one, one a line: the first seals, each opens. They show nothing of themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSecrets(Arc<[Zeroizing<Vec<u8>>]>);

impl TicketSecrets {
    /// Reads a file.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(file: &NamedFile) -> Result<Self, CertificateError> {
        let error = |fault| CertificateError::new(&file.path, fault).at(&file.location);
        let bytes =
            read_file(&file.path).map(Zeroizing::new).map_err(|wrong| error(CertificateFault::Unreadable(wrong)))?;
        check_mode(&file.path)
            .and_then(|()| Self::parse(&bytes))
            .map_err(|fault| error(CertificateFault::TicketSecret(fault)))
    }

    /// Each, the one that seals first.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|secret| secret.as_slice())
    }

    /// Blanks around a line, and lines of nothing else, do not count.
    pub(super) fn parse(text: &[u8]) -> Result<Self, TicketSecretFault> {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
        let lines: Vec<_> = lines.filter(|(line, _)| !line.is_empty()).collect();
        if lines.iter().any(|(line, _)| line.starts_with(b"-----BEGIN ")) {
            return Err(TicketSecretFault::Pem);
        }
        if let Some((short, line)) = lines.iter().find(|(line, _)| line.len() < SHORTEST) {
            return Err(TicketSecretFault::Short { line: *line, bytes: short.len() });
        }
        match lines.len() {
            0 => Err(TicketSecretFault::Empty),
            count if count > MOST => Err(TicketSecretFault::TooMany(count)),
            _ => Ok(Self(lines.iter().map(|(line, _)| Zeroizing::new(line.to_vec())).collect())),
        }
    }
}

fn check_mode(path: &Path) -> Result<(), TicketSecretFault> {
    mode_open_to_others(path).map_or(Ok(()), |mode| Err(TicketSecretFault::Open(mode)))
}

impl fmt::Debug for TicketSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecrets(secret)")
    }
}

/// The least that nobody finds by trying, in bytes.
const SHORTEST: usize = 32;

/// Each has keys of three periods.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::tls::tests::Folder;

    const OLD: &str = "the old secret, which is long enough for it";

    #[test]
    fn what_is_no_secret_is_told() {
        let fault = |text: &str| TicketSecrets::parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault(" \n\n"), TicketSecretFault::Empty);
        assert_eq!(fault(&format!("{OLD}\n{}", "x".repeat(31))), TicketSecretFault::Short { line: 2, bytes: 31 });
        assert_eq!(fault(&format!("-----BEGIN PRIVATE KEY-----\n{OLD}")), TicketSecretFault::Pem);
        assert_eq!(fault(&format!("{OLD}\n").repeat(9)), TicketSecretFault::TooMany(9));
    }

    #[test]
    fn a_file_that_everybody_reads_is_no_secret() {
        let folder = Folder::new();
        let path = folder.write("tickets.secret", OLD);
        let file = NamedFile { path: path.clone(), location: Default::default() };
        for (mode, is_good) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = TicketSecrets::load(&file);
            assert_eq!(loaded.is_ok(), is_good, "{mode:o}");
            if let Err(error) = loaded {
                let problem = error.into_problem();
                assert!(problem.to_string().contains("is open to every user of this machine (mode 06"), "{problem}");
            }
        }
    }
}
