//! How the process leaves: it stops, or hands over to another one and drains at leisure.

use super::control::{Control, note_meaningless};
use super::error::RunError;
use super::handoff::{HandoffError, Successor};
use crate::admin::{Failed, HandoffAnswer, Reply};
use crate::process::{Signal, Signals};
use crate::session::Phase;

impl Control {
    /// Hands over to a new process; on failure this one serves on, and the log says why. A stop ends the attempt. What else
    /// is signalled meanwhile waits: it is this process's business if the attempt fails, and the new one's if it does not.
    pub(super) async fn hand_off(&mut self, asked: Option<Reply<HandoffAnswer>>) -> Result<Successor, HandoffError> {
        let outcome = tokio::select! {
            outcome = self.running.hand_off(&self.program, &self.notifier, &self.admin) => outcome,
            () = self.signals.stop() => Err(HandoffError::Stopped),
        };
        if let Err(error) = &outcome {
            tracing::error!("no handoff: {error}");
        }
        if let Some(reply) = asked {
            let answer = outcome.as_ref().map(|successor| HandoffAnswer { pid: successor.process.pid() });
            // Whoever asked may have left.
            let _ = reply.send(answer.map_err(|error| Failed::Refused(error.to_string())));
        }
        outcome
    }

    /// Another process serves: drains at leisure, and in a hurry once it is told to stop.
    pub(super) async fn drain_out(mut self, successor: Successor) -> Result<(), RunError> {
        let pid = successor.process.pid();
        tracing::info!(successor = pid, open = self.running.proxy().registry.len(), "handed over; draining");
        self.admin.release();
        // The new process is the one to ask; whoever waits still has to hear so.
        self.running.proxy().enter(Phase::HandedOver);
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.waiting.clear();
        let is_stopped = tokio::select! {
            () = self.running.drain_out(successor) => false,
            () = stop_of_predecessor(&mut self.signals, pid) => true,
        };
        if is_stopped {
            return self.stop().await;
        }
        self.running.proxy().say_sums();
        tracing::info!("everything that was here has ended");
        self.running.end();
        self.admin.close().await;
        Ok(())
    }

    /// Ends politely; a second signal ends at once.
    pub(super) async fn stop(mut self) -> Result<(), RunError> {
        // Before the line: who reads it may count on it.
        self.running.begin_stop();
        tracing::info!(open = self.running.proxy().registry.len(), "stopping; a second signal ends at once");
        self.notifier.stopping("draining");
        // Nobody waits for an answer that does not come.
        self.commands.close();
        drop((self.commands, self.waiting));
        tokio::select! {
            stopped = self.running.stop() => {
                tracing::info!(
                    tunnels = stopped.tunnels.tunnels,
                    cut = stopped.tunnels.cut,
                    sessions_cut = stopped.sessions_cut,
                    "stopped"
                );
            }
            () = self.signals.stop() => {
                tracing::warn!(cut = self.running.proxy().registry.len(), "second signal: ending at once");
                self.running.cut().await;
            }
        }
        self.running.proxy().say_sums();
        self.running.end();
        self.admin.close().await;
        Ok(())
    }
}

/// Waits for a stop; everything else is the new process's business now.
async fn stop_of_predecessor(signals: &mut Signals, successor: u32) {
    loop {
        match signals.next().await {
            Signal::Stop => return,
            Signal::Meaningless(signal) => note_meaningless(signal),
            Signal::Reload | Signal::Handoff => {
                tracing::warn!(successor, "this process has handed over and only drains: signal the new one");
            }
        }
    }
}
