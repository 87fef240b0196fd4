//! What is HTTP/1's alone: how its requests are read, and what its answers say of their connection.
//!
//! A driver of HTTP/1 brings [`READER`] along and writes its answers by `answer`; nobody else asks which version of HTTP it
//! is. A second protocol is a second folder like this one.

pub mod answer;
pub mod hygiene;
mod requests;
pub mod upgrade;

pub use requests::READER;
