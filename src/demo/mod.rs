//! What `windlass demo` runs besides the proxy: three endpoints with a small chat, a page, a throw-away certificate.
//!
//! The story, told by the caller: [`DemoEndpoints::bind`], [`Certificate::create`], a [`Layout`] of both, the proxy on
//! [`Layout::config_text`], [`DemoEndpoints::serve`] beside it, and a reload or a handoff for every [`LayoutChange`] that [`Steering::next`]
//! yields. This folder never reloads anything itself and knows nothing of the proxy: it hands out texts.
//!
//! Everything a visitor can grow is bounded: connections, messages, waiting commands, and how far a slow tab may fall
//! behind.

mod banner;
mod certificate;
mod chat;
mod control;
mod endpoint;
mod layout;
mod origin;
mod reply;
mod room;
mod visitor;

pub use banner::{banner, port_taken};
pub use certificate::{Certificate, DemoCertificateError};
pub use control::{ButtonReceiver, Carry, LayoutChange, Steering};
pub use endpoint::DemoEndpoints;
pub use layout::{Action, DemoPlace, Layout, Stickiness};
