//! How the real program ends, and with which exit code.

mod exit_codes;
mod polite;
mod storm;
