//! How HTTP/2 says what HTTP/1.1 says otherwise (RFC 9113 §8): to endpoints, and from clients and to them.
//!
//! A driver of HTTP/2 brings [`READER`] along, writes its answers by `answer`, and counts what its client sends by `flood`.

pub mod answer;
pub mod flood;
mod frame_heads;
mod request;
mod requests;
mod trailers;

pub use request::{Origin, request};
pub use requests::READER;
pub use trailers::announce;
