//! The key of each direction of a TLS 1.3 connection, with the number of its next record (RFC 8446 §5.2, §5.3).
//!
//! The keys that rustls makes of the same secrets cannot be used: AWS-LC takes the first record of a key that is made for
//! TLS for number 0, and ours carry on in the middle.

use aws_lc_rs::aead::{self, Aad, BoundKey, NonceSequence, UnboundKey};
use aws_lc_rs::error::Unspecified;
use rustls::crypto::cipher::{InboundOpaqueMessage, InboundPlainMessage, Iv, Nonce, make_tls13_aad};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

use super::record::{HEADER, TAG};
use super::record_buffer::RecordBuffer;
use crate::ranges::{within, within_mut};

/// What a key is made of, and the number of the next record under it.
pub(super) type NumberedSecrets = (u64, ConnectionTrafficSecrets);

/// What the peer's records are decrypted with.
pub(super) struct OpeningKey(aead::OpeningKey<Nonces>);

/// What our records are encrypted with.
pub(super) struct SealingKey(aead::SealingKey<Nonces>);

/// The nonces of the records, one after the other.
struct Nonces {
    iv: Iv,
    /// The number of the next record.
    sequence: u64,
}

impl OpeningKey {
    pub(super) fn new(secrets: NumberedSecrets) -> Result<Self, Error> {
        bind(secrets).map(Self)
    }

    /// Decrypts a whole record in place: what it holds, without its padding.
    pub(super) fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<InboundPlainMessage<'a>, Error> {
        let ciphertext = within_mut(record, HEADER..);
        let aad = Aad::from(make_tls13_aad(ciphertext.len()));
        let plaintext = self.0.open_in_place(aad, ciphertext).map_err(|Unspecified| Error::DecryptError)?;
        InboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, plaintext)
            .into_tls13_unpadded_message()
    }
}

impl SealingKey {
    pub(super) fn new(secrets: NumberedSecrets) -> Result<Self, Error> {
        bind(secrets).map(Self)
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
            let sealed = self.0.seal_in_place_separate_tag(Aad::from(header), inner);
            tag.copy_from_slice(sealed.map_err(|Unspecified| Error::EncryptError)?.as_ref());
            Ok(())
        })
    }
}

impl NonceSequence for Nonces {
    fn advance(&mut self) -> Result<aead::Nonce, Unspecified> {
        let Nonce(nonce) = Nonce::new(&self.iv, self.sequence);
        self.sequence = self.sequence.checked_add(1).ok_or(Unspecified)?;
        Ok(aead::Nonce::assume_unique_for_key(nonce))
    }
}

fn bind<K: BoundKey<Nonces>>((sequence, secrets): NumberedSecrets) -> Result<K, Error> {
    let (algorithm, key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
        _ => return Err(Error::General("a cipher suite that is not one of AWS-LC's".to_owned())),
    };
    let key = UnboundKey::new(algorithm, within(key.as_ref(), ..algorithm.key_len()))
        .map_err(|Unspecified| Error::General("a key of the wrong length".to_owned()))?;
    Ok(K::new(key, Nonces { iv, sequence }))
}
