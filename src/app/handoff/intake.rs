//! How tunnels of the process before are taken in: made anew batch by batch, and begun when they are ours.

use std::collections::BTreeMap;
use std::mem::{replace, take};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::super::drains::Drains;
use super::batch;
use super::drain_rests::RestParts;
use crate::config::HandoffTunnels;
use crate::drain::Stays;
use crate::handoff::{HandoffMessage, Intake, Received};
use crate::session::{Arrivals, Arrived, FORMAT, Proxy};

/// What takes in the tunnels of one process.
pub(in crate::app) struct TunnelIntake {
    predecessor: u32,
    proxy: Arc<Proxy>,
    arrivals: Arrivals,
    /// The tunnels of the last batch, by their places in it. They do nothing, for they are not ours yet.
    waiting: Option<Waiting>,
    /// How many go on here, and the longest that one of them stood still.
    arrived: (usize, Duration),
    drains: Drains,
    /// What is said of drains that go on here.
    rests: RestParts,
    has_told_of_descriptors: bool,
}

struct Waiting {
    batch: u32,
    tunnels: Vec<Option<Arrived>>,
}

/// Those of a batch that are refused: by why, their places in it.
type Refused = BTreeMap<String, Vec<usize>>;

impl TunnelIntake {
    /// That of the tunnels of this predecessor, which go on in `proxy`.
    pub(in crate::app) fn boxed(predecessor: u32, proxy: Arc<Proxy>, drains: Drains) -> Box<dyn Intake> {
        let arrivals = Arrivals::new(Arc::clone(&proxy));
        let (rests, arrived) = (RestParts::default(), (0, Duration::ZERO));
        let has_told_of_descriptors = false;
        Box::new(Self { predecessor, proxy, arrivals, waiting: None, arrived, drains, rests, has_told_of_descriptors })
    }

    /// Makes the tunnels of a batch anew. They are the other process's still.
    fn take(&mut self, batch: u32, format: u32, descriptors: Vec<OwnedFd>) -> Result<Refused, Stays> {
        let settings = self.proxy.snapshot().settings.drain.handoff;
        if format != FORMAT || settings.tunnels == HandoffTunnels::Drain {
            return Err(Stays::NotAgreed);
        }
        let tunnels = batch::open(descriptors).map_err(|error| {
            tracing::error!(predecessor = self.predecessor, batch, %error, "tunnels of the process before make no sense: they stay there");
            Stays::Failed
        })?;
        let mut refused = Refused::new();
        let mut taken = Vec::with_capacity(tunnels.len());
        for (index, (tunnel, descriptors)) in tunnels.into_iter().enumerate() {
            let arrived = self.arrivals.take(tunnel, descriptors);
            if let Err(stays) = &arrived {
                refused.entry(stays.to_string()).or_default().push(index);
            }
            taken.push(arrived.ok());
        }
        self.waiting = Some(Waiting { batch, tunnels: taken });
        Ok(refused)
    }

    /// Those of the batch that are ours begin, all but those that are `kept`.
    fn begin(&mut self, batch: u32, kept: &[usize]) {
        let Some(waiting) = self.waiting.take_if(|waiting| waiting.batch == batch) else { return };
        for (index, tunnel) in waiting.tunnels.into_iter().enumerate() {
            let Some(tunnel) = tunnel.filter(|_| !kept.contains(&index)) else { continue };
            let (count, longest) = &mut self.arrived;
            *count += 1;
            *longest = tunnel.start().max(*longest);
        }
    }

    /// Says, once, that descriptors are too few.
    fn tell_of_descriptors(&mut self) {
        if !replace(&mut self.has_told_of_descriptors, true) {
            let predecessor = self.predecessor;
            tracing::warn!(predecessor, "no descriptors are left for open tunnels: raise LimitNOFILE");
        }
    }

    fn note_moved(&mut self, stayed: &BTreeMap<String, usize>) {
        let (arrived, longest) = take(&mut self.arrived);
        let stayed_there = stayed.values().sum::<usize>();
        let why = |word: &String| Stays::of_word(word).unwrap_or(Stays::Failed);
        let stayed: BTreeMap<Stays, usize> = stayed.iter().map(|(word, tunnels)| (why(word), *tunnels)).collect();
        self.proxy.metrics.tunnels_moved(arrived, &stayed, longest);
        if arrived + stayed_there == 0 {
            return;
        }
        tracing::info!(
            predecessor = self.predecessor,
            tunnels = arrived,
            stayed = stayed_there,
            longest_pause_ms = super::moved::milliseconds(longest),
            "took over open tunnels"
        );
    }
}

impl Intake for TunnelIntake {
    fn hear(&mut self, said: Received) -> Option<HandoffMessage> {
        match said.message {
            HandoffMessage::Tunnels { batch, format } => {
                // What is not ours by now never will be.
                self.waiting = None;
                if said.is_short {
                    self.tell_of_descriptors();
                    return Some(none_taken(batch, Stays::Full));
                }
                let taken = self.take(batch, format, said.descriptors);
                Some(taken.map_or_else(
                    |stays| none_taken(batch, stays),
                    |refused| HandoffMessage::TunnelsTaken { batch, refused },
                ))
            }
            HandoffMessage::TunnelsYours { batch, kept } => {
                self.begin(batch, &kept);
                None
            }
            HandoffMessage::DrainRest { .. } => {
                if let Some(rest) = self.rests.take(said.message, &self.proxy.registry) {
                    self.drains.go_on(rest, &self.proxy.snapshot());
                }
                None
            }
            HandoffMessage::TunnelsMoved { stayed, .. } => {
                // What is not ours by now never will be.
                self.waiting = None;
                self.note_moved(&stayed);
                None
            }
            _ => None,
        }
    }

    fn turn_away(&mut self, batch: u32) -> HandoffMessage {
        // What is not ours by now never will be.
        self.waiting = None;
        none_taken(batch, Stays::Busy)
    }
}

/// All of a batch stay where they are.
fn none_taken(batch: u32, why: Stays) -> HandoffMessage {
    let refused = Refused::from([(why.to_string(), (0..batch::MOST_TUNNELS).collect())]);
    HandoffMessage::TunnelsTaken { batch, refused }
}
