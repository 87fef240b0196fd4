//! A socket in memory.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio::time::sleep;

use super::kernel::{Connection, End};
use crate::process::Delivery;

/// How long TCP's keepalive takes to find out that nobody is there.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// One end of a connection in memory; dropped, it is closed.
#[derive(Debug)]
pub struct SimulatedSocket {
    end: End,
    connection: Arc<Mutex<Connection>>,
}

impl SimulatedSocket {
    /// The two ends of a connection: of who dialled, and of who accepted.
    pub fn pair() -> (Self, Self) {
        let connection = Arc::new(Mutex::new(Connection::new()));
        let end = |end| Self { end, connection: Arc::clone(&connection) };
        (end(End::Dialled), end(End::Accepted))
    }

    /// From now on nothing passes, in neither direction, and nobody is told.
    pub fn pull_cable(&self) {
        self.change(|connection, _, _| connection.pull_cable());
        let connection = Arc::downgrade(&self.connection);
        tokio::spawn(async move {
            sleep(KEEPALIVE).await;
            if let Some(connection) = connection.upgrade() {
                change(&connection, |connection, woken| connection.give_up(woken));
            }
        });
    }

    /// Dropped from now on, it ends by a reset.
    pub fn reset_when_dropped(&self) {
        self.change(|connection, end, _| connection.at(end).resets_when_closed = true);
    }

    pub(crate) fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let budget = ready!(poll_proceed(cx));
        self.change(|connection, end, woken| {
            let kernel = connection.at(end);
            if !kernel.is_readable() {
                kernel.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            budget.made_progress();
            let count = kernel.unread.len().min(buf.remaining());
            if kernel.unread.is_empty() {
                return Poll::Ready(kernel.error.take().map_or(Ok(()), |error| Err(error.into())));
            }
            let bytes: Vec<u8> = kernel.unread.drain(..count).collect();
            buf.put_slice(&bytes);
            connection.pass_on(end.other(), woken);
            Poll::Ready(Ok(()))
        })
    }

    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let budget = ready!(poll_proceed(cx));
        let sent = self.try_write(bytes);
        if let Err(error) = &sent
            && error.kind() == ErrorKind::WouldBlock
        {
            self.change(|connection, end, _| connection.at(end).writer = Some(cx.waker().clone()));
            return Poll::Pending;
        }
        budget.made_progress();
        Poll::Ready(sent)
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.change(|connection, end, woken| {
            let kernel = connection.at(end);
            if kernel.is_over || kernel.has_finished {
                return Err(kernel.error.take().unwrap_or(ErrorKind::BrokenPipe).into());
            }
            match connection.write(end, bytes, woken) {
                0 if !bytes.is_empty() => Err(ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        })
    }

    pub(crate) fn finish(&self) -> io::Result<()> {
        self.change(|connection, end, woken| {
            if connection.at(end).is_over {
                return Err(ErrorKind::NotConnected.into());
            }
            connection.finish(end, woken);
            Ok(())
        })
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.change(|connection, end, _| {
            let kernel = connection.at(end);
            if kernel.is_readable() {
                return Poll::Ready(());
            }
            kernel.reader = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.change(|connection, end, _| connection.at(end).error.take().map(Into::into))
    }

    pub(crate) fn has_fin(&self) -> bool {
        self.change(|connection, end, _| connection.at(end).has_fin)
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.change(|connection, end, _| connection.at(end).delivery())
    }

    fn change<T>(&self, change_it: impl FnOnce(&mut Connection, End, &mut Vec<Waker>) -> T) -> T {
        change(&self.connection, |connection, woken| change_it(connection, self.end, woken))
    }
}

/// Changes a connection, and then wakes whom that concerns: a task that ends may close its end of it.
fn change<T>(connection: &Mutex<Connection>, change: impl FnOnce(&mut Connection, &mut Vec<Waker>) -> T) -> T {
    let mut woken = Vec::new();
    let result = change(&mut connection.lock().unwrap(), &mut woken);
    woken.into_iter().for_each(Waker::wake);
    result
}

impl AsyncRead for SimulatedSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_receive(cx, buf)
    }
}

impl AsyncWrite for SimulatedSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish())
    }
}

impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        self.change(|connection, end, woken| connection.close(end, woken));
    }
}
