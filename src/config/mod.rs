//! The configuration: from a TOML file to [`Settings`], or to every problem it has.
//!
//! Three shapes, one function each: the file as written, the settings as meant, and (elsewhere) the snapshot as
//! running. This folder reads files, and nothing else from the world.

mod names;
mod settings;

pub use names::{EndpointName, ListenerName, RouteName, UpstreamName};
pub use settings::*;
