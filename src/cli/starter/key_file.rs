//! Which key belongs to a certificate, where nobody says: by the names that those have who make them.

use std::fs;
use std::path::{Path, PathBuf};

/// The file with the key of the certificate in `chain`; `None` where none is to be found.
pub(super) fn key_of(chain: &Path) -> Option<PathBuf> {
    // Both in one file, as HAProxy wants them.
    let has_key = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY-----"));
    candidates(chain).into_iter().chain([chain.to_owned()]).find(|path| has_key(path))
}

fn candidates(chain: &Path) -> Vec<PathBuf> {
    let Some(stem) = chain.file_stem().and_then(|stem| stem.to_str()) else { return Vec::new() };
    let mut names = vec![format!("{stem}.key"), format!("{stem}-key.pem"), format!("{stem}.key.pem")];
    // certbot; kubernetes.io/tls.
    if matches!(stem, "fullchain" | "cert") {
        names.push("privkey.pem".into());
    }
    names.push("key.pem".into());
    names.into_iter().map(|name| chain.with_file_name(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_the_names_that_those_have_who_make_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(at(name), text).unwrap();
        write("site.pem", "-----BEGIN CERTIFICATE-----\n");
        assert_eq!(key_of(&at("site.pem")), None);
        write("site.key", "-----BEGIN CERTIFICATE-----\n");
        assert_eq!(key_of(&at("site.pem")), None, "that is none");
        for (chain, key) in [
            ("site.pem", "site.key"),
            ("localhost.pem", "localhost-key.pem"),
            ("fullchain.pem", "privkey.pem"),
            ("tls.crt", "tls.key"),
            ("both.pem", "both.pem"),
            ("cert.pem", "key.pem"),
        ] {
            write(key, "-----BEGIN PRIVATE KEY-----\n");
            assert_eq!(key_of(&at(chain)), Some(at(key)), "{chain}");
            fs::remove_file(at(key)).unwrap();
        }
    }
}
