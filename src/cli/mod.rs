//! The command line: what can be asked for, and how the answers are shown.
//!
//! `arguments` reads it, `file` knows which configuration it means, `operate`, `tunnels`, `placement`, `tap`, `top` and `log_level` ask a
//! running process over its admin listener (`ask`: where that is; `failure`: why it was in vain), `show`, `facts` and `amounts` write
//! what people read, `progress` how a drain goes, `starter` a first configuration, `import` reads other proxies' files, `packaging` has what
//! packages bring, `output` hands it over with an exit code.

mod amounts;
mod arguments;
mod ask;
mod facts;
mod failure;
mod file;
mod follow;
mod import;
mod log_level;
mod operate;
mod output;
mod packaging;
mod placement;
mod progress;
mod show;
mod starter;
mod tap;
mod top;
mod tunnels;

pub use arguments::Cli;
