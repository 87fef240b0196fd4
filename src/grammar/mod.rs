//! The grammar of what HTTP heads and the configuration are both made of: lists, tokens, hosts with ports, origins, names of cookies.
//!
//! Beside that, how lines are taken out of a head. Bytes and text in, parts or `None` out; whoever reads a thing anywhere in the proxy reads it by this, so that what
//! classifies a request, what checks it and what forwards it cannot differ. Nothing here knows what a part means.

mod authority;
mod cookie_name;
mod list;
mod origin;
mod preference;
mod remove;
mod token;

pub use authority::{Authority, host_name, is_dns_name};
pub use cookie_name::CookieName;
pub use list::{ends_in_quotes, has_member, members, split_unquoted};
pub use origin::{Origin, Site};
pub use preference::would_rather;
pub use remove::remove;
pub use token::is_token;
