//! Files with a secret: what is read of them is wiped once it is used.

use zeroize::Zeroizing;

use crate::config::{NamedFile, Problem, read_file};

/// The bytes of a file, which are wiped after use.
pub(in crate::snapshot) fn read_secret(file: &NamedFile) -> Result<Zeroizing<Vec<u8>>, Problem> {
    read_file(&file.path).map(Zeroizing::new).map_err(|error| {
        let problem = format!("{}: cannot be read: {error}", file.path.display());
        Problem::new(file.location.0.clone(), problem, error.hint(&file.path, &file.location))
    })
}
