//! The HTTP client of endpoints, and what endpoints have for as long as they are configured.
//!
//! `dial` connects, `connection` is asked once or again and again, `pool` and `owned` are where it rests between two requests and
//! `reuse` what decides that; `switch` asks for another protocol, byte by byte, and `replayed` has hyper read the answer where that
//! is none. `endpoints` owns what a publish ends.
//!
//! It knows neither clients nor routes: which endpoint is asked, what a failure means and who is told of it is `session`'s.
//! Invariants: a connection serves one request at a time, and another one only if all of the request before was sent and its
//! answer was read to a certain end; what a client has authenticated serves nobody else.

mod connection;
mod dial;
mod endpoints;
mod expect;
mod owned;
mod pool;
mod read_after_failed_write;
mod replayed;
mod reuse;
mod sending;
mod switch;
mod upload;

pub use connection::{Answer, ConnectionTask, EndpointConnection, Unanswered, has_closed};
pub use dial::dial;
pub use endpoints::Endpoints;
pub use expect::{ContinueVerdict, Expectation};
pub use owned::OwnedConnections;
pub use pool::Pool;
pub use replayed::read_answer;
pub use reuse::{PoolSlot, Reuse};
pub use switch::{NoHead, SwitchAnswer, exchange_heads, exchange_heads_around};
pub use upload::{BrokenUpload, HasBody, Upload, UploadProgress, UploadSent, cleaned};
