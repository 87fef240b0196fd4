//! The HTTP client of endpoints: one connection, asked once or again and again, and where it rests between two requests.
//!
//! It knows endpoints and their connections, and neither clients nor routes: which endpoint is asked, what a failure means for a
//! client, and what is said of it, is `session`'s. Invariants: a connection serves one request at a time, and another only if all
//! of the one before was sent and its answer was read to a certain end; what a client has authenticated serves nobody else.

mod connection;
mod expect;
mod owned;
mod pool;
mod read_after_failed_write;
mod upload;

pub use connection::{ConnectionTask, EndpointConnection, Unanswered, has_closed};
pub use expect::{Expectation, Verdict};
pub use owned::{OwnedConnections, RestingPermit};
pub use pool::Pool;
pub use upload::{BrokenUpload, HasBody, Upload, UploadProgress, UploadSent, cleaned};
