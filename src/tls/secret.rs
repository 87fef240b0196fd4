//! A traffic secret: the key that is made of it, and the secret that follows it (RFC 8446 §7.2, §7.3).

use rustls::crypto::cipher::{AeadKey, Iv};
use rustls::crypto::tls13::{HkdfExpander, OkmBlock, expand};
use rustls::{ConnectionTrafficSecrets, Error, Tls13CipherSuite};
use zeroize::Zeroizing;

use super::invariant::broken;
use crate::ranges::{within, within_mut};

/// What the keys of one direction are made of, one after the other.
pub(super) struct Secret {
    bytes: Zeroizing<[u8; LONGEST]>,
    /// As long as the hash of its cipher suite; 0 as long as it is not known.
    length: u8,
}

/// The longest hash of a cipher suite of TLS 1.3, in bytes: SHA-384 (RFC 8446 §B.4).
const LONGEST: usize = 48;

impl Secret {
    /// Becomes `secret`, unless that is longer than any hash.
    pub(super) fn set(&mut self, secret: &[u8]) {
        if let Some(bytes) = self.bytes.get_mut(..secret.len()) {
            bytes.copy_from_slice(secret);
            self.length = secret.len() as u8;
        }
    }

    /// The secret itself; nothing as long as it is not known.
    pub(super) fn reveal(&self) -> &[u8] {
        within(&*self.bytes, ..self.length.into())
    }

    /// Whether it has been [set](Self::set).
    pub(super) fn is_known(&self) -> bool {
        self.length > 0
    }

    /// The key that is made of it.
    pub(super) fn key(&self, suite: &Tls13CipherSuite) -> Result<ConnectionTrafficSecrets, Error> {
        let expander = self.expander(suite);
        // Behind the key there is more of the same, since nobody but rustls can make one that is shorter.
        let key: AeadKey = expand_label(suite.aead_alg.key_len(), b"key", |info| expand(&*expander, info));
        let iv: Iv = expand_label(IV, b"iv", |info| expand::<Iv, IV>(&*expander, info));
        Ok(suite.aead_alg.extract_keys(key, iv)?)
    }

    /// Becomes the one that follows it.
    pub(super) fn advance(&mut self, suite: &Tls13CipherSuite) -> Result<(), Error> {
        let expander = self.expander(suite);
        let next = within_mut(&mut *self.bytes, ..self.length.into());
        expand_label(next.len(), b"traffic upd", |info| expander.expand_slice(info, next))
            .map_err(|_| broken("a hash is not too long to be expanded to"))
    }

    fn expander(&self, suite: &Tls13CipherSuite) -> Box<dyn HkdfExpander> {
        suite.hkdf_provider.expander_for_okm(&OkmBlock::new(self.reveal()))
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self { bytes: Zeroizing::new([0; LONGEST]), length: 0 }
    }
}

/// The length of the part of a nonce that stays the same, in every cipher suite (RFC 8446 §5.3).
const IV: usize = 12;

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1): has `expand` make `length` bytes.
fn expand_label<R>(length: usize, label: &[u8], expand: impl FnOnce(&[&[u8]]) -> R) -> R {
    const PREFIX: &[u8] = b"tls13 ";
    // All of these fit: a key or a hash, and a label of ours.
    let length = (length as u16).to_be_bytes();
    let label_length = [(PREFIX.len() + label.len()) as u8];
    expand(&[&length, &label_length, PREFIX, label, &[0]])
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};

    use super::*;

    /// Of the server of RFC 8448 §3.
    const SECRET: &str = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
    const KEY: &str = "9f02283b6c9c07efc26bb9f2ac92e356";
    const IV: &str = "cf782b88dd83549aadf1e984";

    #[test]
    fn the_key_is_that_of_the_rfc() {
        let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
        let secret = secret(&bytes(SECRET));

        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secret.key(suite).unwrap() else {
            panic!("another suite")
        };

        assert_eq!((&key.as_ref()[..16], iv.as_ref()), (&bytes(KEY)[..], &bytes(IV)[..]));
    }

    #[test]
    fn each_secret_is_followed_by_another_of_its_length() {
        for (suite, length) in [(TLS13_AES_128_GCM_SHA256, 32), (TLS13_AES_256_GCM_SHA384, LONGEST)] {
            let mut secret = secret(&[7; LONGEST][..length]);
            let mut before = vec![*secret.bytes];
            for _ in 0..3 {
                secret.advance(suite.tls13().unwrap()).unwrap();
                assert!(!before.contains(&secret.bytes));
                assert!(secret.bytes[length..].iter().all(|byte| *byte == 0));
                before.push(*secret.bytes);
            }
        }
    }

    #[test]
    fn nothing_longer_than_a_hash_is_one() {
        assert!(secret(&[1; LONGEST]).is_known());
        assert!(!secret(&[1; LONGEST + 1]).is_known());
    }

    fn secret(bytes: &[u8]) -> Secret {
        let mut secret = Secret::default();
        secret.set(bytes);
        secret
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }
}
