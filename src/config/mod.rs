//! The configuration: from a TOML file to [`Settings`], or to every problem it has.
//!
//! Three shapes, one function each: the file as written, the settings as meant, and (elsewhere) the snapshot as
//! running. This folder reads files, and nothing else from the world.

mod addresses;
mod convert;
mod defaults;
mod dot_segments;
mod files;
mod foreign;
mod formats;
mod keys;
mod lists;
mod load;
mod log_settings;
mod names;
mod paths;
mod positions;
mod problem;
mod readers;
mod settings;
mod suggest;
mod syntax;
mod texts;
mod tree;
mod twice;
mod units;
mod warning;
mod written;

pub use convert::parse_admin_listen;
pub use dot_segments::has_dot_segments;
pub use files::{MOST_BYTES, read_file};
pub use keys::known_keys;
pub use load::{Reading, load, load_admin, parse, read};
pub use names::{EndpointName, ListenerName, RouteName, UpstreamName};
pub use problem::{Place, Position, Problem, Problems};
pub use settings::*;
pub use units::{counted, parse_duration, write_duration};
pub use warning::{Warning, Warnings};
pub use written::Written;
