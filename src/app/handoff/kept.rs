//! What the process before has left with systemd: its listening sockets and what it counted on, and its open tunnels.
//!
//! What makes sense is not taken out before this process serves, and tunnels are not even looked at: where it does not come to that, all of
//! it waits for the next start.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::batch;
use super::moved::milliseconds;
use super::odd::Odd;
use crate::drain::Stays;
use crate::handoff::{Channel, HandoffMessage, Received};
use crate::process::{Activated, KEPT_STATE, KEPT_TUNNELS, Notifier};
use crate::session::{Arrivals, FORMAT, Proxy};

/// The queues that it has left.
#[derive(Debug, Default)]
pub(in crate::app) struct Kept {
    state: Vec<Channel>,
    tunnels: Vec<Channel>,
    /// systemd keeps its own of each, until it is told to forget them.
    is_anything: bool,
}

/// Something that was said by a process that has ended.
pub(super) type SaidBefore = (HandoffMessage, Option<OwnedFd>);

/// What goes on here, and what does not.
#[derive(Debug, Default)]
struct TakenUp {
    arrived: usize,
    refused: BTreeMap<Stays, usize>,
    /// The longest that one stood still.
    longest: Duration,
}

impl Kept {
    /// Those that systemd has passed; what is none is `odd`.
    pub(super) fn of(passed: Vec<Activated>, odd: &mut Vec<Odd>) -> Self {
        let mut kept = Self { is_anything: !passed.is_empty(), ..Self::default() };
        for Activated { name, socket } in passed {
            let queues = if name == KEPT_STATE { &mut kept.state } else { &mut kept.tunnels };
            match Channel::adopt(socket) {
                Ok(channel) => queues.push(channel),
                Err(error) => odd.push(Odd::Kept(format!("{name}: {error}"))),
            }
        }
        kept
    }

    /// What the process before has said of itself, but for its tunnels; what of it makes no sense is `odd`. It stays where it is.
    pub(super) async fn state(&self, odd: &mut Vec<Odd>) -> Vec<SaidBefore> {
        let mut said = Vec::new();
        for queue in &self.state {
            if let Err(error) = queue.look_from_the_beginning() {
                odd.push(Odd::Kept(error.to_string()));
                continue;
            }
            while let Some(next) = heard(queue.look_with()).await {
                match next {
                    Ok(Received { message, descriptors, .. }) => said.push((message, descriptors.into_iter().next())),
                    Err(error) => odd.push(Odd::Kept(error.to_string())),
                }
            }
        }
        said
    }

    /// Nobody has a use any more for what the process before has said of itself: all of it is taken out, for a listening socket that stays in
    /// there keeps its address taken, and has connections wait for nobody.
    pub(in crate::app) async fn let_go_of_state(&mut self) {
        for queue in self.state.drain(..) {
            while heard(queue.receive_with()).await.is_some() {}
        }
    }

    /// This process serves: its tunnels go on in `proxy`, and systemd keeps them no longer. Those that cannot go on end.
    pub(in crate::app) async fn take_up(self, proxy: &Arc<Proxy>, notifier: &Notifier) {
        if !self.is_anything {
            return;
        }
        let mut arrivals = Arrivals::new(Arc::clone(proxy));
        let mut taken = TakenUp::default();
        for queue in &self.tunnels {
            while let Some(next) = heard(queue.receive_with()).await {
                match next {
                    Ok(Received { message: HandoffMessage::Tunnels { format, .. }, descriptors, is_short }) => {
                        taken.take((format, is_short), descriptors, &mut arrivals);
                    }
                    Ok(_) => {}
                    Err(error) => Odd::Kept(error.to_string()).say(),
                }
            }
        }
        for name in [KEPT_STATE, KEPT_TUNNELS] {
            if let Err(error) = notifier.forget(name) {
                tracing::warn!(%error, "systemd does not hear that what it has kept was taken up");
            }
        }
        taken.say(proxy);
    }
}

impl TakenUp {
    /// Takes up a batch.
    fn take(&mut self, (format, is_short): (u32, bool), descriptors: Vec<OwnedFd>, arrivals: &mut Arrivals) {
        // One is that of the parcel.
        let tunnels = descriptors.len().saturating_sub(1) / 2;
        let opened = match (format == FORMAT, is_short) {
            (true, false) => batch::open(descriptors),
            (true, true) => Err(io::Error::other("no descriptors are left for them: raise LimitNOFILE")),
            (false, _) => Err(io::Error::other("another version of this program has kept them")),
        };
        match opened {
            Ok(opened) => {
                for (tunnel, descriptors) in opened {
                    match arrivals.take(tunnel, descriptors) {
                        Ok(tunnel) => {
                            self.arrived += 1;
                            self.longest = self.longest.max(tunnel.start());
                        }
                        Err(why) => *self.refused.entry(why).or_default() += 1,
                    }
                }
            }
            Err(error) => {
                tracing::error!(tunnels, %error, "open tunnels that were kept cannot be read");
                *self.refused.entry(Stays::Failed).or_default() += tunnels;
            }
        }
    }

    fn say(&self, proxy: &Proxy) {
        let ended: usize = self.refused.values().sum();
        proxy.metrics.tunnels_moved(self.arrived, &self.refused, self.longest);
        tracing::info!(
            tunnels = self.arrived,
            longest_pause_ms = milliseconds(self.longest),
            "took up what was kept with systemd"
        );
        if ended > 0 {
            let of = |stays| self.refused.get(&stays).copied();
            tracing::warn!(
                tunnels = ended,
                gone = of(Stays::Gone),
                full = of(Stays::Full),
                failed = of(Stays::Failed),
                "open tunnels that were kept have no place here any more: they are closed"
            );
        }
    }
}

/// What is heard of a queue, or why that makes no sense; `None` at its end.
async fn heard(next: impl Future<Output = io::Result<Option<Received>>>) -> Option<io::Result<Received>> {
    let is_nonsense =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
    match timeout(NEXT_WITHIN, next).await {
        Ok(Ok(received)) => received.map(Ok),
        Ok(Err(error)) if is_nonsense(&error) => Some(Err(error)),
        // Nothing more can be heard; or it says nothing, for all that it has not ended.
        Ok(Err(_)) | Err(_) => None,
    }
}

/// It all waits already.
const NEXT_WITHIN: Duration = Duration::from_secs(1);
