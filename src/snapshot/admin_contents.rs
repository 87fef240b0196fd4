//! What is read of the files that an admin listener names.

use std::fmt;

use rustls::pki_types::UnixTime;

use super::secret_file::read_secret;
use crate::access::OperatorToken;
use crate::config::{AdminListenerSettings, NamedFile, Problem, Warning, mode_open_to_others};
use crate::tls::{CertificateError, Credentials};

/// What is read for an admin listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminContents {
    /// What it shows over TLS, and whose certificates it believes.
    pub credentials: Option<Credentials>,
    /// The token of operators.
    pub token: Option<OperatorToken>,
}

impl AdminContents {
    /// Reads them.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each of them.
    pub(in crate::snapshot) fn read(admin: &AdminListenerSettings) -> Result<Self, Vec<Problem>> {
        let credentials = admin.tls.as_ref().map(|tls| Credentials::load(tls, admin.clients.as_ref())).transpose();
        let token = admin.token.as_ref().map(read_operator_token).transpose();
        match (credentials, token) {
            (Ok(credentials), Ok(token)) => Ok(Self { credentials, token }),
            (credentials, token) => {
                let wrong = credentials.err().into_iter().flatten().map(CertificateError::into_problem);
                Err(wrong.chain(token.err()).collect())
            }
        }
    }

    /// What is to be said at `now` of the certificates that were read for a listener with these settings.
    pub fn certificate_warnings(&self, admin: &AdminListenerSettings, now: UnixTime) -> Vec<Warning> {
        let (Some(credentials), Some(tls)) = (&self.credentials, &admin.tls) else { return Vec::new() };
        credentials.own.warnings(&tls.certificates, now)
    }
}

/// The token of operators.
///
/// Blocks on the file system.
///
/// # Errors
/// It cannot be read, is none, or everybody may read it.
pub fn read_operator_token(file: &NamedFile) -> Result<OperatorToken, Problem> {
    let problem = |what: &dyn fmt::Display, hint| {
        Problem::new(file.location.0.clone(), format!("{}: {what}", file.path.display()), hint)
    };
    let bytes = read_secret(file)?;
    if let Some(mode) = mode_open_to_others(&file.path) {
        let what = format!("is open to every user of this machine (mode {mode:04o})");
        return Err(problem(&what, "whoever reads it steers: `chmod 640`, for windlass and who operates it alone"));
    }
    OperatorToken::parse(&bytes).map_err(|fault| problem(&fault, "make one: `openssl rand -hex 32`"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_that_everybody_reads_is_none() {
        let path = std::env::temp_dir().join(format!("windlass-token-{}", std::process::id()));
        fs::write(&path, "0123456789abcdef").unwrap();
        let file = NamedFile { path: path.clone(), location: Default::default() };
        for (mode, is_good) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = read_operator_token(&file);
            assert_eq!(read.is_ok(), is_good, "{mode:o}");
            if let Err(problem) = read {
                let problem = problem.to_string();
                assert!(problem.contains("is open to every user of this machine (mode 06"), "{problem}");
            }
        }
        fs::remove_file(path).unwrap();
    }
}
