//! The account that a process gives which has handed over: to whoever serves now, about what it holds still.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::interval;

use super::super::drains::Drains;
use super::super::operator::{DrainStarted, drain, undrain};
use super::move_out::Taken;
use crate::admin::{PredecessorDrain, Question, holdings};
use crate::handoff::{Channel, HandoffMessage};
use crate::session::Proxy;

/// How often the new process hears of us without asking.
const REPORT: Duration = Duration::from_secs(1);

/// Says how many tunnels are left, and answers what is asked, as long as this process lives.
/// What it says of tunnels that it has `taken` goes to whoever moves them.
pub(super) async fn report(proxy: Arc<Proxy>, drains: Drains, channel: Arc<Channel>, taken: UnboundedSender<Taken>) {
    // Who waits for an answer hears when there is nobody who could give it.
    let mut taken = Some(taken);
    let mut pace = interval(REPORT);
    let mut is_heard = true;
    loop {
        // A new process that is gone is no reason to end: its own successor has a line to us, or nobody asks.
        tokio::select! {
            _ = pace.tick() => {
                let _ = channel.send(&HandoffMessage::Remaining { tunnels: proxy.registry.len(), answers: true }, None).await;
            }
            heard = channel.receive(), if is_heard => match heard {
                Ok(Some((HandoffMessage::Question { number, text }, _))) => {
                    let answer = answer(&proxy, &drains, &text).unwrap_or_else(|error| failure(&error));
                    let _ = channel.answer(number, &answer).await;
                }
                Ok(Some((HandoffMessage::TunnelsTaken { batch, refused }, _))) => {
                    let _ = taken.as_ref().map(|taken| taken.send((batch, refused)));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    is_heard = false;
                    taken = None;
                }
            },
        }
    }
}

/// What stands on the wire is a `Result`, whose error is a text.
fn answer(proxy: &Proxy, drains: &Drains, question: &str) -> serde_json::Result<String> {
    match serde_json::from_str(question)? {
        Question::Holdings => serde_json::to_string(&Ok::<_, String>(holdings(proxy))),
        Question::Drain(order) => {
            let drained = order.understood().map(|(target, policy)| {
                let begun = drain(proxy, drains, &target, &policy).ok()?;
                tracing::info!(scope = %target, tunnels = begun.tunnels, "an operator drains, through the new process");
                let DrainStarted { id, tunnels, over, raised_to, .. } = begun;
                let over_seconds = crate::drain::seconds(over);
                Some(PredecessorDrain { id, tunnels, over_seconds, raised_to_per_second: raised_to })
            });
            serde_json::to_string(&drained)
        }
        Question::Undrain { endpoint } => {
            let undrained = endpoint.parse().map(|target| {
                let was_draining = undrain(proxy, drains, &target)?;
                tracing::info!(endpoint = %target, was_draining, "an operator takes a drain back, through the new process");
                Some(was_draining)
            });
            serde_json::to_string(&undrained.map_err(|wrong: crate::drain::BadDrainTarget| wrong.to_string()))
        }
        Question::Close(request) => {
            let closed = request.understood().map(|revocation| {
                let tunnels = proxy.registry.revoke(&revocation);
                tracing::info!(of = %revocation, tunnels, "an operator takes permission back, through the new process");
                tunnels
            });
            serde_json::to_string(&closed)
        }
    }
}

/// Of a question that is not understood: a later version asks it.
fn failure(error: &serde_json::Error) -> String {
    let failed = Err::<(), _>(format!("it does not understand the question: {error}"));
    serde_json::to_string(&failed).unwrap_or_default()
}
