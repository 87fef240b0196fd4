//! The HTTP client of endpoints, and what endpoints have for as long as they are configured.
//!
//! `open` makes a stream and `dial` notes how that went; `connection` is asked over HTTP/1.1, once or again and again, `pool` and
//! `owned` are where it rests between two requests and `reuse` what decides that; `http2` asks over connections that requests share;
//! `switch` asks for another protocol, byte by byte, and `replayed` has hyper read the answer where that is none. `endpoints` owns what
//! a publish ends.
//!
//! It knows neither clients nor routes: which endpoint is asked, what a failure means and who is told of it is `session`'s.
//! Invariants: a connection of HTTP/1.1 serves one request at a time, and another one only if all of the request before was sent and its
//! answer was read to a certain end; what a client has authenticated serves nobody else.

mod answer_body;
mod broken_upload;
mod client_body;
mod connection;
mod dial;
mod endpoints;
mod expect;
mod http2;
mod interim;
mod open;
mod opened_under;
mod owned;
mod pool;
mod read_after_failed_write;
mod replayed;
mod reuse;
mod sending;
mod switch;
mod upload;

pub use answer_body::{BrokenAnswer, EndpointBody};
pub use broken_upload::BrokenUpload;
pub use client_body::ClientBody;
pub use connection::{Answer, ConnectionTask, EndpointConnection, Unanswered, has_closed};
pub use dial::{dial, note_broken_tls};
pub use endpoints::Endpoints;
pub use expect::{ContinueVerdict, Expectation};
pub use http2::{
    Http2Pool, NoAnswer, NoSlot, NotOpened, OpenStream, Opener, StreamAnswer, StreamBody, StreamFailure, StreamSlot,
    ask_over_http2,
};
pub use interim::InterimListener;
pub use open::{FirstWords, open};
pub use opened_under::OpenedUnder;
pub use owned::OwnedConnections;
pub use pool::Pool;
pub use replayed::read_answer;
pub use reuse::{Carrier, PoolSlot, Reuse};
pub use switch::{NoHead, SwitchAnswer, exchange_heads, exchange_heads_around};
pub use upload::{HasBody, Upload, UploadLimits, UploadProgress, UploadSent, cleaned};
