//! The key of each direction of a TLS 1.3 connection, with the number of its next record (RFC 8446 §5.2, §5.3).
//!
//! The keys that rustls makes of the same secrets cannot be used: AWS-LC takes the first record of a key that is made for
//! TLS for number 0, and ours carry on in the middle.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, UnboundKey};
use aws_lc_rs::error::Unspecified;
use rustls::crypto::cipher::{InboundOpaqueMessage, InboundPlainMessage, Iv, Nonce, make_tls13_aad};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

use super::record::{HEADER, TAG};
use super::record_buffer::RecordBuffer;
use crate::ranges::{within, within_mut};

/// What a key is made of, and the number of the next record under it.
pub(super) type NumberedSecrets = (u64, ConnectionTrafficSecrets);

/// What the peer's records are decrypted with.
pub(super) struct OpeningKey(NumberedKey);

/// What our records are encrypted with.
pub(super) struct SealingKey(NumberedKey);

/// A key, each of whose records has a nonce of its own. AWS-LC's own keys with a sequence of nonces never say where they stand,
/// which whoever carries on elsewhere has to know.
struct NumberedKey {
    key: LessSafeKey,
    iv: Iv,
    /// The number of the next record.
    sequence: u64,
}

impl OpeningKey {
    pub(super) fn new(secrets: NumberedSecrets) -> Result<Self, Error> {
        NumberedKey::new(secrets).map(Self)
    }

    /// The number of the next record.
    pub(super) fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// Decrypts a whole record in place: what it holds, without its padding.
    pub(super) fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<InboundPlainMessage<'a>, Error> {
        let ciphertext = within_mut(record, HEADER..);
        let aad = Aad::from(make_tls13_aad(ciphertext.len()));
        let nonce = self.0.next_nonce().ok_or(Error::DecryptError)?;
        let plaintext = self.0.key.open_in_place(nonce, aad, ciphertext).map_err(|Unspecified| Error::DecryptError)?;
        InboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, plaintext)
            .into_tls13_unpadded_message()
    }
}

impl SealingKey {
    pub(super) fn new(secrets: NumberedSecrets) -> Result<Self, Error> {
        NumberedKey::new(secrets).map(Self)
    }

    /// The number of the next record.
    pub(super) fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// Puts a record that holds `payload` into `outgoing`; it must fit into one.
    pub(super) fn seal(&mut self, typ: ContentType, payload: &[u8], outgoing: &mut RecordBuffer) -> Result<(), Error> {
        let length = payload.len() + 1 + TAG;
        // What is authenticated beside the ciphertext is the header itself.
        let header = make_tls13_aad(length);
        outgoing.fill(HEADER + length, |record| {
            let (front, rest) = record.split_at_mut(HEADER);
            let (inner, tag) = rest.split_at_mut(payload.len() + 1);
            front.copy_from_slice(&header);
            if let Some((last, content)) = inner.split_last_mut() {
                content.copy_from_slice(payload);
                *last = typ.into();
            }
            let nonce = self.0.next_nonce().ok_or(Error::EncryptError)?;
            let sealed = self.0.key.seal_in_place_separate_tag(nonce, Aad::from(header), inner);
            tag.copy_from_slice(sealed.map_err(|Unspecified| Error::EncryptError)?.as_ref());
            Ok(())
        })
    }
}

impl NumberedKey {
    fn new((sequence, secrets): NumberedSecrets) -> Result<Self, Error> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
            _ => return Err(Error::General("a cipher suite that is not one of AWS-LC's".to_owned())),
        };
        let key = UnboundKey::new(algorithm, within(key.as_ref(), ..algorithm.key_len()))
            .map_err(|Unspecified| Error::General("a key of the wrong length".to_owned()))?;
        Ok(Self { key: LessSafeKey::new(key), iv, sequence })
    }

    /// The nonce of the next record, which no other one has under this key. It is spent whatever becomes of the record.
    fn next_nonce(&mut self) -> Option<aead::Nonce> {
        let Nonce(nonce) = Nonce::new(&self.iv, self.sequence);
        self.sequence = self.sequence.checked_add(1)?;
        Some(aead::Nonce::assume_unique_for_key(nonce))
    }
}
