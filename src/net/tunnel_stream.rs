//! The streams that a tunnel runs over.

use std::os::fd::AsFd;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::process::{Delivery, delivery};

/// What a tunnel needs of each of its two streams.
pub trait TunnelStream: AsyncRead + AsyncWrite + Unpin {
    /// How far what was written has got; `None` if the stream cannot tell.
    fn delivery(&self) -> Option<Delivery>;
}

impl TunnelStream for TcpStream {
    fn delivery(&self) -> Option<Delivery> {
        delivery(self.as_fd()).ok()
    }
}
