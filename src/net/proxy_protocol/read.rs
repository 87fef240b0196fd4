//! Reading a header from a socket, and not a byte more: what stands behind it is for whoever speaks next, TLS or HTTP.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, ReadBuf};
use tokio::time::timeout;

use super::bad_header::BadProxyHeader;
use super::header_reader::{HeaderReader, Taken};
use super::told_client::ToldClient;
use crate::net::socket::Socket;
use crate::ranges::within_mut;

/// There is no header.
#[derive(Debug)]
pub struct NoProxyHeader {
    /// Why.
    pub error: ProxyHeaderError,
    /// Whether anything had come.
    pub has_begun: bool,
}

/// Why there is no header.
#[derive(Debug, Error)]
pub enum ProxyHeaderError {
    /// What came is none.
    #[error(transparent)]
    Bad(#[from] BadProxyHeader),
    /// The rest of it did not come in time.
    #[error("the PROXY header did not come in time")]
    TimedOut,
    /// The connection ended before.
    #[error("the connection ended before the end of its PROXY header")]
    Ended,
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

/// Reads the header that a connection begins with, but not for longer than `limit`. Gives the client that it tells of; `None`
/// where that is whoever has connected.
///
/// # Errors
/// There is none.
pub async fn read_proxy_header_within(
    socket: &mut Socket,
    limit: Duration,
) -> Result<Option<ToldClient>, NoProxyHeader> {
    let mut reader = HeaderReader::default();
    let read = timeout(limit, read(socket, &mut reader)).await;
    let failed = |error| NoProxyHeader { error, has_begun: reader.has_begun() };
    read.unwrap_or(Err(ProxyHeaderError::TimedOut)).map_err(failed)
}

async fn read(socket: &mut Socket, reader: &mut HeaderReader) -> Result<Option<ToldClient>, ProxyHeaderError> {
    let mut bytes = [0; PEEKED];
    loop {
        let peeked = poll_fn(|cx| socket.poll_peek(cx, &mut ReadBuf::new(&mut bytes))).await?;
        if peeked == 0 {
            return Err(ProxyHeaderError::Ended);
        }
        let piece = within_mut(&mut bytes, ..peeked);
        // All that belongs to the header is taken, so that the next look waits for what is still to come.
        match reader.take(piece)? {
            Taken::All => socket.read_exact(piece).await?,
            Taken::Last(count, told) => {
                socket.read_exact(within_mut(piece, ..count)).await?;
                return Ok(told);
            }
        };
    }
}

/// How much is looked at at once: more than most headers have, and they come in one piece.
const PEEKED: usize = 512;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn pair() -> (TcpStream, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        (client, listener.accept().await.unwrap().0.into())
    }

    #[tokio::test]
    async fn what_stands_behind_a_header_is_left_to_the_next() {
        let (mut client, mut socket) = pair().await;
        client.write_all(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\nhello").await.unwrap();
        let told = read_proxy_header_within(&mut socket, LONG).await.unwrap().unwrap();
        assert_eq!(told.source.to_string(), "192.0.2.1:4711");
        let mut behind = [0; 5];
        socket.read_exact(&mut behind).await.unwrap();
        assert_eq!(&behind, b"hello");
    }

    #[tokio::test]
    async fn a_header_may_come_in_pieces_and_be_longer_than_a_look() {
        let (mut client, mut socket) = pair().await;
        let header = [b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x0b\xb8".as_slice(), &[7; 3000]].concat();
        let sending = async {
            for piece in header.chunks(100) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.write_all(b"x").await.unwrap();
        };
        let (told, ()) = tokio::join!(read_proxy_header_within(&mut socket, LONG), sending);
        assert_eq!(told.unwrap(), None);
        assert_eq!(socket.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn who_leaves_or_waits_is_told_from_who_has_not_begun() {
        for (sent, has_begun) in [(&b""[..], false), (b"PROXY TCP4 ", true)] {
            let (mut client, mut socket) = pair().await;
            client.write_all(sent).await.unwrap();
            let waited = read_proxy_header_within(&mut socket, Duration::from_millis(100)).await.unwrap_err();
            assert!(
                matches!(waited, NoProxyHeader { error: ProxyHeaderError::TimedOut, has_begun: begun } if begun == has_begun)
            );

            let (mut client, mut socket) = pair().await;
            client.write_all(sent).await.unwrap();
            drop(client);
            let left = read_proxy_header_within(&mut socket, LONG).await.unwrap_err();
            assert!(
                matches!(left, NoProxyHeader { error: ProxyHeaderError::Ended, has_begun: begun } if begun == has_begun)
            );
        }
    }
}
