//! A certificate to try with: self-signed, for a month.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use time::{Duration, OffsetDateTime};

/// The certificate and its key, in PEM.
pub(super) struct SelfSigned {
    chain: String,
    key: String,
}

/// For how long it is valid. (Browsers of Apple take none for more than 825 days.)
const LIFE: Duration = Duration::days(30);

/// A new one for these names.
///
/// # Errors
/// One of them can stand in no certificate.
pub(super) fn self_signed(names: Vec<String>, now: OffsetDateTime) -> Result<SelfSigned, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "windlass, to try with");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    // The clock of a client may be a little behind.
    (params.not_before, params.not_after) = (now - Duration::days(1), now + LIFE);
    let certificate = params.self_signed(&key)?;
    Ok(SelfSigned { chain: certificate.pem(), key: key.serialize_pem() })
}

impl SelfSigned {
    /// Writes both, in the place of what is there; the key is for this user alone.
    pub(super) fn write(&self, chain: &Path, key: &Path) -> io::Result<()> {
        // Neither is there by its name before it is whole, nor for others before it may be.
        let write = |path: &Path, text: &str, mode| {
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(path).map(|_| ()).map_err(io::Error::from)
        };
        let named =
            |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        write(key, &self.key, 0o600).map_err(|error| named(key, error))?;
        write(chain, &self.chain, 0o644).map_err(|error| named(chain, error))
    }
}
