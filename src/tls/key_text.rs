//! A private key in PEM, read so that none of its text stays in memory that was given back.
//!
//! rustls collects the base64 of a section in a buffer that grows, and gives it back as it is. What is read here is what
//! programs write; anything else is left to rustls, which can read it all the same, or says what is wrong with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::{Zeroize, Zeroizing};

/// Makes something of the first private key in `text`, which is wiped afterwards.
pub(super) fn with_private_key<T>(text: &[u8], make: impl FnOnce(&PrivateKeyDer<'_>) -> T) -> Result<T, pem::Error> {
    if let Some((form, der)) = decoded(text) {
        return Ok(make(&form.of(&der)));
    }
    let mut key = PrivateKeyDer::from_pem_slice(text)?;
    let made = make(&key);
    key.zeroize();
    Ok(made)
}

/// What a section holds.
#[derive(Clone, Copy)]
enum Form {
    Pkcs1,
    Pkcs8,
    Sec1,
}

impl Form {
    const ALL: [Self; 3] = [Self::Pkcs1, Self::Pkcs8, Self::Sec1];

    fn label(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSA PRIVATE KEY-----",
            Self::Pkcs8 => "PRIVATE KEY-----",
            Self::Sec1 => "EC PRIVATE KEY-----",
        }
    }

    fn of(self, der: &[u8]) -> PrivateKeyDer<'_> {
        match self {
            Self::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
            Self::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
            Self::Sec1 => PrivateSec1KeyDer::from(der).into(),
        }
    }
}

/// The first key and its form.
fn decoded(text: &[u8]) -> Option<(Form, Zeroizing<Vec<u8>>)> {
    let (form, base64) = first_section(text)?;
    // As large as they can become: a buffer that grows leaves a copy behind.
    let mut digits = Zeroizing::new(Vec::with_capacity(base64.len()));
    digits.extend(base64.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; digits.len()]);
    let length = STANDARD.decode_slice(digits.as_slice(), &mut der).ok()?;
    der.truncate(length);
    Some((form, der))
}

fn first_section(text: &[u8]) -> Option<(Form, &[u8])> {
    let begins = |form: Form| Some((find(text, &["-----BEGIN ", form.label()].concat())?, form));
    let (begin, form) = Form::ALL.into_iter().filter_map(begins).min_by_key(|(begin, _)| *begin)?;
    let is_at_a_line = text.get(..begin).is_some_and(|before| before.is_empty() || before.ends_with(b"\n"));
    let rest = text.get(begin + "-----BEGIN ".len() + form.label().len()..)?;
    let end = find(rest, &["\n-----END ", form.label()].concat())?;
    is_at_a_line.then(|| rest.get(..end).map(|base64| (form, base64)))?
}

fn find(text: &[u8], words: &str) -> Option<usize> {
    text.windows(words.len()).position(|window| window == words.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x00];

    fn pem(label: &str) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(DER))
    }

    /// The key that is read, by us alone and by us or rustls.
    fn read(text: &str) -> (Option<PrivateKeyDer<'static>>, Option<PrivateKeyDer<'static>>) {
        let ours = decoded(text.as_bytes()).map(|(form, der)| form.of(&der).clone_key());
        (ours, with_private_key(text.as_bytes(), |key| key.clone_key()).ok())
    }

    #[test]
    fn what_programs_write_is_read_as_rustls_would() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            let one = pem(label);
            let spread = one.replace("AMCA", "AM\r\nCA");
            let behind = format!("about it\n{}{one}{}", pem("EC PARAMETERS"), pem("PRIVATE KEY"));
            for text in [one.clone(), one.replace('\n', "\r\n"), spread, behind, format!("{}{one}", pem("CERTIFICATE"))]
            {
                let (ours, key) = read(&text);
                let theirs = PrivateKeyDer::from_pem_slice(text.as_bytes()).unwrap();
                assert!(ours.as_ref() == Some(&theirs) && key == Some(theirs), "{text}");
            }
        }
    }

    #[test]
    fn whatever_is_odd_is_left_to_rustls() {
        let one = pem("PRIVATE KEY");
        for text in [
            String::new(),
            pem("CERTIFICATE"),
            one.replace("-----END", "-----"),
            one.replace("AMCA", "!MCA"),
            format!(" {one}"),
            one.replace("PRIVATE KEY-----", "PRIVATE KEY----"),
            format!("-----BEGIN PRIVATE KEY-----\n{one}"),
        ] {
            let (ours, key) = read(&text);
            assert_eq!((ours.is_none(), key), (true, PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()), "{text}");
        }
    }
}
