//! Where tunnels say what is known of them that were asked to move.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::depart::Departing;
use crate::drain::{Stays, TunnelHandle, TunnelId};
use crate::process::SystemMoment;

/// What a tunnel says that was asked to move.
#[derive(Debug)]
pub(crate) struct Departed {
    pub(crate) tunnel: TunnelId,
    /// When it has seen that it was asked: one that was held up may answer when it has been asked again.
    pub(crate) at: SystemMoment,
    /// It stands still, or stays.
    pub(crate) answer: Result<Box<Departing>, Stays>,
}

/// The way from tunnels to whoever moves them. Nobody says anything before somebody asks, and one asks for few at a time.
#[derive(Debug, Default)]
pub(crate) struct Departures(Mutex<Option<UnboundedSender<Departed>>>);

impl Departures {
    /// Where is heard from now on what tunnels say; who heard it before hears nothing more.
    pub(crate) fn hear(&self) -> UnboundedReceiver<Departed> {
        let (sender, receiver) = unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// A tunnel says this.
    pub(in crate::session) fn note(
        &self,
        handle: &TunnelHandle,
        at: SystemMoment,
        answer: Result<Box<Departing>, Stays>,
    ) {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where nobody hears it any more nobody has asked: whoever did lets it go on first.
        if let Some(heard) = &*heard {
            let _ = heard.send(Departed { tunnel: handle.id, at, answer });
        }
    }
}
