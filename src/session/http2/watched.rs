//! A client's connection under `h2`: what its frames cost is counted, how far what was written has got can be asked while it is in
//! other hands, and it ends so that the client reads what was written last.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::http::http2::flood::{Flood, FloodMeter};
use crate::net::{Guarded, SharedDelivery, Stream, TunnelStream};
use crate::ranges::within;

/// A connection that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Guarded<Stream>,
    meter: FloodMeter,
    watch: Watch,
    /// Its end is written; until when the client's is waited for.
    lingers: Option<Pin<Box<Sleep>>>,
}

/// What is known of a connection that is in other hands.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Of what the client sends too much; nothing more of it is read then.
    flood: Arc<OnceLock<Flood>>,
    /// How far what was written has got.
    pub(super) delivery: SharedDelivery,
}

impl Watched {
    /// Watches `stream`, of which nothing was read.
    pub(super) fn new(stream: Guarded<Stream>) -> (Self, Watch) {
        let watch = Watch::default();
        let meter = FloodMeter::new(Instant::now());
        (Self { stream, meter, watch: watch.clone(), lingers: None }, watch)
    }

    /// Looks how far what was written has got, if somebody wants to know.
    fn look(&self, cx: &Context<'_>) {
        self.watch.delivery.look(cx, || self.stream.get_ref().delivery());
    }
}

impl Watch {
    /// Of what the client sends too much.
    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get().copied()
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look(cx);
        if this.watch.flood().is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let came = within(buf.filled(), before..);
        if let Err(flood) = this.meter.note_received(came, Instant::now()) {
            this.watch.flood.get_or_init(|| flood);
            buf.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // `h2` reads nothing while there is no room for what it has to write, and that may be for long.
        this.look(cx);
        let taken = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        this.meter.note_sent(within(buf, ..taken));
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// A FIN, and the client's own end is awaited for a moment: closing with unread input would send a reset.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingers.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.lingers = Some(Box::pin(sleep(LINGER)));
        }
        let mut discarded = [0; 4096];
        loop {
            let mut room = ReadBuf::new(&mut discarded);
            match Pin::new(&mut this.stream).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        match &mut this.lingers {
            Some(lingers) => lingers.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(cx);
        let taken = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bufs))?;
        let mut left = taken;
        for buf in bufs {
            let part = left.min(buf.len());
            this.meter.note_sent(within(buf, ..part));
            left -= part;
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// How long the end of the client is waited for behind ours.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::Unsent;

    #[tokio::test]
    async fn it_is_looked_how_far_it_has_got_while_there_is_no_room_for_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = Stream::Plain(listener.accept().await.unwrap().0.into());
        let hour = Duration::from_secs(3600);
        let (mut watched, watch) = Watched::new(Guarded::telling(stream, hour, Unsent::default(), Stream::delivery));
        let mut write = async || poll_fn(|cx| Poll::Ready(Pin::new(&mut watched).poll_write(cx, &[0; 1 << 16]))).await;
        while write().await.is_ready() {}
        assert_eq!(watch.delivery.ask(), None);
        assert!(write().await.is_pending());
        assert!(watch.delivery.ask().is_some_and(|delivery| delivery.outstanding));
    }
}
