//! Who may enter: what of a request says that it comes from somebody who is let in, how many there are already, and what one is
//! permitted who was.
//!
//! A value for each question, and an answer: whoever serves the request refuses it (`session::admission`). No sockets, no
//! clocks.

mod basic_credentials;
mod client_key;
mod client_secret;
mod frozen_permit;
mod htpasswd;
mod key_schedule;
mod key_set;
mod networks;
mod operator_token;
mod origin;
mod passwords;
mod permission;
mod permit;
mod rate_table;
mod renewal_id;
mod stored_password;
mod tunnel_counts;
mod turnstile;
mod user_header;
mod verified;

pub use basic_credentials::{BasicCredentials, basic_challenge, basic_credentials};
pub use client_key::{Asker, ClientKey, ClientKeys};
pub use client_secret::ClientSecret;
pub use frozen_permit::FrozenPermit;
pub use htpasswd::{HtpasswdFault, PasswordFile};
pub use networks::{ClientVerdict, judge_client};
mod token;
mod token_fault;
mod token_place;
#[cfg(test)]
mod token_place_tests;
#[cfg(test)]
mod token_tests;

pub use key_schedule::{KeySchedule, Prospect, SourceNews};
pub use key_set::{KeySet, KeysFault};
pub use operator_token::{OperatorToken, OperatorTokenFault};
pub use origin::{OriginVerdict, judge_origin};
pub use passwords::{CredentialKey, Passwords};
pub use permission::{Claim, Claims, Granted, Permission};
pub use permit::Permit;
pub use rate_table::RateTable;
pub use renewal_id::{RENEWAL_HEADER, RenewalId, take_out_renewal_ids, take_renewal_ids};
pub use stored_password::{PasswordFault, StoredPassword};
pub use token::{Verified, verify};
pub use token_fault::TokenFault;
pub use token_place::take_token;
pub use tunnel_counts::{Crowd, TunnelCounts, TunnelPlace};
pub use turnstile::Turnstile;
pub use user_header::{is_alike, take_out_user};
