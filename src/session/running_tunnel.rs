//! An open tunnel as a task of its own: its end is counted and told, and it stands still where it is to move to another process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::access_log;
use super::kept::Kept;
use super::metering::MeteredLease;
use super::moving::Departing;
use super::records::Records;
use super::tunnel_record::RecordedRequest;
use crate::access::Permit;
use crate::drain::{Stays, TunnelHandle, Whereabouts};
use crate::net::Stream;
use crate::process::SystemMoment;
use crate::tunnel::Tunnel;

/// An open tunnel, and what it holds on to for as long as it is. A future: not an async block, which keeps room for the tunnel twice, where
/// it is captured and where it is polled, for as long as the task lives.
#[derive(Debug)]
pub(super) struct RunningTunnel<H> {
    pub(super) tunnel: Tunnel<Stream, Stream>,
    pub(super) lease: MeteredLease,
    pub(super) records: Arc<Records>,
    /// By what its client is known if it comes back.
    pub(super) key: u64,
    /// What it keeps for as long as it is open.
    pub(super) kept: Option<Box<Kept>>,
    /// Its place.
    pub(super) held: H,
}

/// Whether a tunnel is polled now.
enum Goes {
    /// It goes on here.
    On,
    /// It stands still.
    Nowhere,
    /// Another process goes on with it.
    Elsewhere,
}

impl<H: Unpin> Future for RunningTunnel<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let running = self.get_mut();
        if !running.tunnel.handle().is_here() {
            match running.consider_leaving(cx) {
                Goes::On => {}
                Goes::Nowhere => return Poll::Pending,
                Goes::Elsewhere => {
                    running.note_left();
                    return Poll::Ready(());
                }
            }
        }
        let polled = Pin::new(&mut running.tunnel).poll(cx);
        running.lease.note_work(&running.tunnel);
        let outcome = ready!(polled);
        let handle = running.tunnel.handle();
        let record = RecordedRequest::of(handle);
        access_log::ended(&running.records, handle, running.tunnel.settings(), (record, running.key), &outcome);
        if handle.whereabouts() == Whereabouts::Asked {
            running.records.departures.note(handle, SystemMoment::now(), Err(Stays::Ending));
        }
        Poll::Ready(())
    }
}

impl<H> RunningTunnel<H> {
    /// Stands still where it is asked to, and says then all that is known of it.
    #[cold]
    fn consider_leaving(&mut self, cx: &Context<'_>) -> Goes {
        loop {
            // Before the look, and whoever moved it has taken the waker: one who moves it from now on finds this one.
            self.tunnel.listen_again(cx);
            let handle = self.tunnel.handle();
            match handle.whereabouts() {
                Whereabouts::Here => return Goes::On,
                Whereabouts::Frozen => return Goes::Nowhere,
                Whereabouts::Left => return Goes::Elsewhere,
                Whereabouts::Resumed => {
                    if handle.settle() {
                        return Goes::On;
                    }
                }
                Whereabouts::Asked => {
                    let at = SystemMoment::now();
                    match Departing::of(&self.tunnel, &self.lease, self.kept.as_deref(), self.key) {
                        // Seen by now, or what moves its end later could not be told from what has.
                        Ok(_) if handle.permit().is_some_and(Permit::has_moved) => {
                            cx.waker().wake_by_ref();
                            return Goes::On;
                        }
                        Ok(departing) => {
                            if handle.note_frozen() {
                                self.records.departures.note(handle, at, Ok(departing));
                            }
                        }
                        Err(stays) => {
                            if handle.decline() {
                                self.records.departures.note(handle, at, Err(stays));
                                return Goes::On;
                            }
                        }
                    }
                }
            }
        }
    }

    /// It is another process's: what is counted of open tunnels is told, and the log nothing, for it has not ended.
    fn note_left(&self) {
        let handle = self.tunnel.handle();
        access_log::left(&self.records.metrics, handle, RecordedRequest::of(handle).protocol());
    }

    /// The registry's side of it.
    pub(super) fn handle(&self) -> &Arc<TunnelHandle> {
        self.tunnel.handle()
    }
}

impl<H: Send + Unpin + 'static> RunningTunnel<H> {
    /// Goes on as a task of its own, on the worker that this is called on.
    pub(super) fn start(self) {
        tokio::spawn(self);
    }
}
