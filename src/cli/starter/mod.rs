//! A configuration for a beginning: one listener in front of one application, from a few words.
//!
//! `flags` are those words on the command line, `questions` ask for what is missing, `key_file` finds the key of a certificate and
//! `self_signed` makes one to try with, whose files `try_certificate` keeps; `text` has what is meant, and writes it. `init` writes
//! that to a file; `windlass run` serves it without one.

mod flags;
mod init;
mod key_file;
mod questions;
mod self_signed;
mod text;
mod try_certificate;

pub(super) use flags::StarterFlags;
pub(super) use init::{InitArguments, init};
