//! What is read of the files that an admin listener names.

use super::secret_file::read_secret;
use crate::access::OperatorToken;
use crate::config::{AdminListenerSettings, NamedFile, Problem};
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
}

/// The token of operators.
///
/// Blocks on the file system.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read_operator_token(file: &NamedFile) -> Result<OperatorToken, Problem> {
    OperatorToken::parse(&read_secret(file)?).map_err(|fault| {
        let problem = format!("{}: {fault}", file.path.display());
        Problem::new(file.location.0.clone(), problem, "make one: `openssl rand -hex 32`")
    })
}
