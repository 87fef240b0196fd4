//! What a tunnel must do.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Frame, Wire};

/// A message comes through a tunnel in each direction.
pub(crate) async fn assert_carries<S>(client: &mut Wire<S>, endpoint: &mut Wire<TcpStream>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (there, back) = (Frame::text("there"), Frame::text("and back"));
    client.send(there.by_client()).await;
    assert_eq!(endpoint.frame().await, there);
    endpoint.send(back.by_endpoint()).await;
    assert_eq!(client.frame().await, back);
}
