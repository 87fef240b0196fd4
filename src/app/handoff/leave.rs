//! ★ What a process leaves with systemd when it stops: its listening sockets and its open tunnels, for the next start.
//!
//! A tunnel is ours until what is known of it waits in a queue that systemd has; from then on it is the next process's. Whatever goes
//! wrong before that, it goes on here as if nobody had asked. Nobody acknowledges anything: what waits in a queue is not lost.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::running::Running;
use super::batch::{Batch, MOST_TUNNELS};
use super::freezer::{Freezer, Standing, Staying};
use super::left_queue::LeftQueues;
use super::moved::{Moved, milliseconds};
use crate::access::Permit;
use crate::config::Bind;
use crate::drain::{Stays, TunnelHandle};
use crate::handoff::{HandoffMessage, PROTOCOL, SocketRole};
use crate::process::{KEPT_STATE, KEPT_TUNNELS, MOST_KEPT, Notifier};
use crate::session::{FORMAT, Proxy};

/// What leaves with systemd what it can.
pub(in crate::app) struct Leaver<'n> {
    freezer: Freezer,
    state: LeftQueues<'n>,
    tunnels: LeftQueues<'n>,
    last_batch: u32,
    /// There is no room for more of them, or nobody who has it.
    is_over: bool,
}

impl<'n> Leaver<'n> {
    /// Makes sure that systemd keeps what it will be given.
    ///
    /// # Errors
    /// It does not, or there is none.
    pub(in crate::app) async fn begin(notifier: &'n Notifier, proxy: &Proxy) -> io::Result<Self> {
        let opened = async {
            let state = LeftQueues::open(notifier, KEPT_STATE, 1).await?;
            Ok((state, LeftQueues::open(notifier, KEPT_TUNNELS, MOST_KEPT - 1).await?))
        };
        // Where systemd has one of the two, the next start has no use for it. Where nobody hears this, nobody has anything.
        let given_up = |_: &io::Error| drop(notifier.forget(KEPT_STATE));
        let (state, tunnels) = opened.await.inspect_err(given_up)?;
        Ok(Self { freezer: Freezer::new(proxy), state, tunnels, last_batch: 0, is_over: false })
    }

    /// Leaves the listening sockets, and all that the next process counts on.
    ///
    /// # Errors
    /// Some of it is not there: the next process opens its own sockets, or counts anew.
    pub(in crate::app) async fn leave_state(&mut self, running: &Running) -> io::Result<()> {
        self.state.say(&HandoffMessage::Offer { protocol: PROTOCOL, pid: std::process::id() }, &[]).await?;
        for (role, name, bind, socket) in running.listeners.to_pass_on() {
            let is_ours = |bind: &String| matches!(Bind::parse(bind), Some(Bind::Address(_)));
            // Those of socket units systemd passes by itself.
            if let Some(bind) = bind.filter(|bind| role == SocketRole::Listener && is_ours(bind)) {
                let message = HandoffMessage::Socket { role, name: name.to_owned(), bind };
                self.state.say(&message, &[socket]).await?;
            }
        }
        for message in running.state() {
            self.state.say(&message, &[]).await?;
        }
        self.state.say(&HandoffMessage::Complete, &[]).await
    }

    /// Those of these tunnels that cannot be left, each with why.
    pub(in crate::app) async fn who_stays(&mut self, tunnels: &[Arc<TunnelHandle>]) -> Staying {
        let mut stay = Staying::new();
        for some in tunnels.chunks(MOST_TUNNELS) {
            let (mut standing, staying) = self.freezer.freeze(some, PATIENCE).await;
            stay.extend(staying);
            stay.extend(ordered(&mut standing));
        }
        stay
    }

    /// Leaves these tunnels, as many as can. Those that stay are returned.
    ///
    /// Cancel safe: what was not left goes on here.
    pub(in crate::app) async fn leave_tunnels(
        &mut self,
        tunnels: &[Arc<TunnelHandle>],
    ) -> (Moved, Vec<Arc<TunnelHandle>>) {
        let (mut left, mut stay) = (Moved::default(), Vec::new());
        for some in tunnels.chunks(MOST_TUNNELS) {
            for (handle, why) in self.leave_some(some, &mut left).await {
                left.note_stays(why);
                stay.push(handle);
            }
        }
        (left, stay)
    }

    async fn leave_some(&mut self, some: &[Arc<TunnelHandle>], left: &mut Moved) -> Staying {
        if self.is_over {
            return some.iter().map(|handle| (Arc::clone(handle), Stays::Failed)).collect();
        }
        let begun = Instant::now();
        let (mut standing, mut staying) = self.freezer.freeze(some, PATIENCE).await;
        staying.extend(ordered(&mut standing));
        if standing.known.is_empty() {
            return staying;
        }
        match self.leave_batch(&standing).await {
            Ok(()) => {
                // From here on they are the next process's: nothing waits before they are given up.
                standing.handles.iter().for_each(|handle| handle.note_left());
                left.note_moved(standing.handles.len(), begun.elapsed());
            }
            Err(error) => {
                tracing::warn!(%error, "no more open tunnels can be kept for the next start: those that are here drain");
                self.is_over = true;
                staying.extend(standing.handles.iter().map(|handle| (Arc::clone(handle), Stays::Failed)));
            }
        }
        staying
    }

    /// Leaves those that stand still, all of them or none.
    async fn leave_batch(&mut self, standing: &Standing) -> io::Result<()> {
        self.last_batch = self.last_batch.wrapping_add(1);
        let batch = Batch::seal(&standing.known)?;
        let message = HandoffMessage::Tunnels { batch: self.last_batch, format: FORMAT };
        self.tunnels.say(&message, &batch.descriptors()).await
    }
}

/// Takes out those that were told or given something: the next process does not know of it.
fn ordered(standing: &mut Standing) -> Staying {
    let all = std::mem::take(&mut standing.handles).into_iter().zip(std::mem::take(&mut standing.known));
    let (ordered, others): (Vec<_>, Vec<_>) =
        all.partition(|(handle, _)| handle.has_order() || handle.permit().is_some_and(Permit::has_moved));
    (standing.handles, standing.known) = others.into_iter().unzip();
    ordered
        .into_iter()
        .map(|(handle, _)| {
            handle.resume();
            (handle, Stays::Ending)
        })
        .collect()
}

/// How long a tunnel may take to stand still: its worker may be busy with others.
const PATIENCE: Duration = Duration::from_secs(1);

/// The one line of a stop about those that wait for the next start.
pub(in crate::app) fn say_left(left: &Moved, drained: &BTreeMap<Stays, usize>) {
    let of = |stays| {
        let count = |among: &BTreeMap<Stays, usize>| among.get(&stays).copied().unwrap_or_default();
        Some(count(&left.stayed) + count(drained)).filter(|tunnels| *tunnels > 0)
    };
    tracing::info!(
        kept = left.moved,
        stayed = left.stayed() + drained.values().sum::<usize>(),
        tls12 = of(Stays::Tls12),
        http2 = of(Stays::Http2),
        ending = of(Stays::Ending),
        late = of(Stays::Late),
        failed = of(Stays::Failed),
        longest_pause_ms = milliseconds(left.longest),
        "open tunnels wait with systemd for the next start"
    );
}

#[cfg(test)]
mod tests;
