//! Whether the bytes of HTTP/1 can be read in one way only, judged while they stream by: request heads and heads of answers,
//! chunk lines, trailers; and where each message ends.
//!
//! Bytes in, a verdict out: nothing is kept, copied or allocated. What a head asks for, and whether its target is a URI, is for
//! whoever parses it. Invariants, for any way the stream is cut into scans:
//! - a scan passes no byte behind the end of a message, so that nothing of a body is read as a head, and no head as a body;
//! - the first byte that makes a message ambiguous, or breaks a limit, is found, and does not pass;
//! - a start line that is no HTTP at all passes, to be refused by its parser, and of what follows it no more than tells HTTP/2.

mod chunks;
mod field_lines;
mod flaw;
mod framing;
mod limits;
mod malformed;
mod messages;
mod request_line;
mod status_line;
mod step;
mod text;

pub use flaw::Flaw;
pub use limits::Limits;
pub use messages::{Asked, Judge, Scan, Then};
pub use request_line::LONGEST_METHOD;
