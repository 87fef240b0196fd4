//! How requests of HTTP/1 are read.

use super::{hygiene, upgrade};
use crate::http::reader::Reader;

/// The grammar of HTTP/1.0 and HTTP/1.1.
pub const READER: Reader = Reader {
    complete: hygiene::complete,
    // Its bytes were judged before anybody read them.
    check_limits: |_, _| Ok(()),
    check: hygiene::check,
    handshake: upgrade::handshake,
};
