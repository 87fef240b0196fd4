//! The keys of frames that are our own.

/// A fresh masking key; unpredictable, as RFC 6455 §5.3 asks, or zero where the system has no entropy to give.
pub fn masking_key() -> [u8; 4] {
    getrandom::u32().unwrap_or_default().to_ne_bytes()
}
