//! What the buttons of the demo's page do: each change is written into the demo's file, and whoever serves is asked to reload it or to hand
//! over. That is this process, and another one once it has handed over: the endpoints stay in this one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{interval, sleep, timeout};

use crate::admin::{Client, HandoffAnswer, ReloadAnswer, Status};
use crate::config::AdminListen;
use crate::demo::{Carry, LayoutChange, Steering};
use crate::process::Signals;

/// Whoever serves the demo, by its file and by the socket where it is asked.
#[derive(Clone, Debug)]
pub(super) struct Served {
    file: PathBuf,
    client: Client,
}

impl Served {
    /// Served from this file, and asked there.
    pub(super) fn new(file: PathBuf, admin: PathBuf) -> Self {
        Self { file, client: Client::new(AdminListen::Unix(admin)) }
    }

    /// Where it is served from.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes what is to be served; whoever reads it meanwhile reads all of it, as it was or as it is.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        let fresh = self.file.with_extension("fresh");
        std::fs::write(&fresh, text)?;
        std::fs::rename(fresh, &self.file)
    }

    /// Carries out what buttons ask for, as long as there are any.
    pub(super) async fn steer(self, mut steering: Steering) {
        while let Some(change) = steering.next().await {
            self.carry_out(change).await;
        }
    }

    async fn carry_out(&self, change: LayoutChange<'_>) {
        let done = match change.carry() {
            Carry::HandOver => self.hand_over().await,
            Carry::Reload(text) => self.reload(&text, &change.before()).await.map(|()| None),
        };
        match done {
            Ok(told) => change.done(told),
            Err(problem) => change.refused(&problem),
        }
    }

    async fn reload(&self, text: &str, before: &str) -> Result<(), String> {
        self.write(text).map_err(|error| error.to_string())?;
        let answer = self.client.post::<ReloadAnswer>("/reload", &()).await;
        answer.map(drop).map_err(|error| {
            // What is served still is what the file says; where even that fails, the next change writes it.
            let _ = self.write(before);
            error.to_string()
        })
    }

    /// What became of it, as a sentence for the page.
    async fn hand_over(&self) -> Result<Option<String>, String> {
        let answer = self.client.post::<HandoffAnswer>("/handoff", &()).await.map_err(|error| error.to_string())?;
        let HandoffAnswer { pid, moved, stayed, longest_pause_ms } = answer.value;
        let told = match stayed.values().sum::<usize>() {
            0 => format!(
                "process {pid} has taken over: {moved} open tunnels moved and stood still for {longest_pause_ms} ms at the most, type on"
            ),
            stayed => {
                format!("process {pid} has taken over: {moved} open tunnels moved, {stayed} are told to come back")
            }
        };
        Ok(Some(told))
    }

    /// Keeps the endpoints for whoever serves now: until it is gone, or this process is told to stop, and then it is, too.
    pub(super) async fn host(&self, signals: &mut Signals) {
        let mut look = interval(LOOK_EVERY);
        let mut missed = 0;
        while missed < MOST_MISSED {
            tokio::select! {
                () = signals.stop() => return self.stop(signals).await,
                _ = look.tick() => missed = if self.serving().await.is_some() { 0 } else { missed + 1 },
            }
        }
    }

    /// Ends whoever serves, unless it has heard that itself, as at a Ctrl-C, and waits until it is gone; a second signal waits for nothing.
    pub(super) async fn stop(&self, signals: &mut Signals) {
        // One that has heard of it in this moment says so only in the next, and another signal would have it cut whatever is open.
        sleep(LOOK_EVERY).await;
        if let Some(status) = self.serving().await.filter(|status| status.phase == "serving")
            && let Some(pid) = i32::try_from(status.pid).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let gone = async {
            let mut look = interval(LOOK_EVERY);
            while self.serving().await.is_some() {
                look.tick().await;
            }
        };
        tokio::select! {
            _ = timeout(GONE_WITHIN, gone) => {}
            () = signals.stop() => {}
        }
    }

    /// Whoever serves now.
    async fn serving(&self) -> Option<Status> {
        timeout(ANSWER_WITHIN, self.client.get::<Status>("/status")).await.ok()?.ok().map(|answer| answer.value)
    }
}

/// How often is looked whether somebody serves.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Between two processes nobody may answer for a moment.
const MOST_MISSED: u32 = 6;

/// How long whoever serves may take to say that it does.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long whoever serves has to end: longer than the drain of the demo.
const GONE_WITHIN: Duration = Duration::from_secs(10);
