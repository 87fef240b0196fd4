//! The configuration: from a TOML file to [`Settings`], or to every problem it has.
//!
//! Three shapes, one function each: the file as written, the settings as meant, and (elsewhere) the snapshot as
//! running. This folder reads files, and nothing else from the world.

mod convert;
mod defaults;
mod keys;
mod load;
mod names;
mod problem;
mod readers;
mod settings;
mod suggest;
mod syntax;
mod texts;
mod tree;
mod twice;
mod units;
mod written;

pub use convert::parse_admin_listen;
pub use keys::known_keys;
pub use load::{load, load_admin, parse};
pub use names::{EndpointName, ListenerName, RouteName, UpstreamName};
pub use problem::{Place, Position, Problem, Problems};
pub use settings::*;
pub use units::{parse_duration, write_duration};
pub use written::Written;
