//! One key that session tickets are sealed with.
//!
//! A ticket is `key name ‖ nonce ‖ AES-256-GCM of the session`, authenticated with the name and with the identity of the
//! listener that gave it (RFC 5077 §4 gives the shape): another listener cannot open it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::identity::Identity;

/// The length of a name, which stands at the start of each ticket.
pub(super) const NAME: usize = 16;
/// The length of what a key is made of.
pub(super) const SECRET: usize = 32;
const TAG: usize = 16;

/// One key.
pub(super) struct TicketKey {
    /// What tells its tickets from others'; not secret.
    pub(super) name: [u8; NAME],
    /// Kept beside the cipher that was made of it, for the process that takes over.
    pub(super) secret: Zeroizing<[u8; SECRET]>,
    cipher: RandomizedNonceKey,
}

impl TicketKey {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let (mut name, mut secret) = ([0; NAME], Zeroizing::new([0; SECRET]));
        rand::fill(&mut name)?;
        rand::fill(secret.as_mut_slice())?;
        Self::new(name, secret)
    }

    pub(super) fn new(name: [u8; NAME], secret: Zeroizing<[u8; SECRET]>) -> Result<Self, Unspecified> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, secret.as_slice())?;
        Ok(Self { name, secret, cipher })
    }

    pub(super) fn from_bytes(bytes: &[u8; NAME + SECRET]) -> Result<Self, Unspecified> {
        let (name, rest) = bytes.split_first_chunk().ok_or(Unspecified)?;
        let mut secret = Zeroizing::new([0; SECRET]);
        secret.copy_from_slice(rest.first_chunk::<SECRET>().ok_or(Unspecified)?);
        Self::new(*name, secret)
    }

    pub(super) fn seal(&self, identity: &Identity, session: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = session.to_vec();
        let nonce = self.cipher.seal_in_place_append_tag(self.bound_to(identity), &mut sealed)?;
        let mut ticket = Vec::with_capacity(NAME + NONCE_LEN + sealed.len());
        ticket.extend(self.name);
        ticket.extend(nonce.as_ref());
        ticket.append(&mut sealed);
        Ok(ticket)
    }

    pub(super) fn open(&self, identity: &Identity, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, session) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
        let mut session = session.to_vec();
        let length = session.len().checked_sub(TAG).ok_or(Unspecified)?;
        self.cipher.open_in_place(Nonce::from(nonce), self.bound_to(identity), &mut session)?;
        session.truncate(length);
        Ok(session)
    }

    fn bound_to(&self, identity: &Identity) -> Aad<Vec<u8>> {
        Aad::from([&self.name, identity.as_bytes()].concat())
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(secret)")
    }
}
