//! What is read to be certain of an ACME directory, and for it to be certain of us.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::authority::Authority;

/// Who a directory is believed to be, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryCredentials {
    /// Who has to have issued the certificate of the directory's own server.
    pub issuers: Arc<Authority>,
    /// The key that our account is bound with (RFC 8555 §7.3.4), where it is bound.
    pub hmac_key: Option<HmacKey>,
}

/// A secret that two know.
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey(Zeroizing<Vec<u8>>);

impl HmacKey {
    /// Reads one in base64url, as the operators of directories give it; with its padding or without.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let unpadded = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
        let mut key = Zeroizing::new(vec![0; unpadded.len()]);
        let length = URL_SAFE_NO_PAD.decode_slice(unpadded, &mut key).ok().filter(|length| *length > 0)?;
        key.truncate(length);
        Some(Self(key))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_base64url_on_a_line() {
        let bytes = |text: &str| HmacKey::parse(text.as_bytes()).map(|key| key.as_bytes().to_vec());
        assert_eq!(bytes("-_8\n"), Some(vec![0xfb, 0xff]));
        assert_eq!(bytes(" -_8= "), Some(vec![0xfb, 0xff]));
        for bad in ["", "\n", "a", "+/8", "-_8 -_8", "===="] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
        assert_eq!(format!("{:?}", HmacKey::parse(b"-_8").unwrap()), "HmacKey(..)");
    }
}
