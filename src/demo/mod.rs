//! What `windlass demo` runs besides the proxy: a throw-away certificate, the configuration as a value and as text.
//!
//! This folder never reloads anything itself and knows nothing of the proxy: it hands out texts.

mod banner;
mod certificate;
mod layout;

pub use banner::{banner, port_taken};
pub use certificate::{Certificate, CertificateError};
pub use layout::{Action, Layout, Place, Stickiness};
